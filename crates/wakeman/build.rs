//! How the program is linked where its memory was measured: a smaller image is a smaller daemon.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");
    let told = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    // On this target the compiler brings its own linker (LLD); who chose another one keeps that one's defaults.
    let usual = std::env::var("TARGET").is_ok_and(|target| target == "x86_64-unknown-linux-gnu");
    if !usual || told("RUSTC_LINKER") || told("CARGO_ENCODED_RUSTFLAGS") {
        return;
    }
    // The table the loader walks at the start shrinks from megabytes to kilobytes; the C library reads it since 2.36.
    if glibc().is_some_and(|version| version >= (2, 36)) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of the machine's C library, as `getconf` says it.
fn glibc() -> Option<(u32, u32)> {
    let said = std::process::Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(said.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

//! How the program is linked where its memory was measured: a smaller image, and what runs side by side, is a smaller daemon.

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
    if brings_lld() {
        in_order();
    }
    // Where the linker writes which function stands where.
    if let Ok(map) = std::env::var("WAKEMAN_LINK_MAP") {
        println!("cargo:rustc-link-arg-bins=-Wl,-Map={map}");
    }
}

/// Whether the compiler has LLD beside it: a distribution's may leave linking to the machine's linker, which knows no order.
fn brings_lld() -> bool {
    let Some(rustc) = std::env::var_os("RUSTC") else { return false };
    let Ok(said) = std::process::Command::new(rustc).args(["--print", "sysroot"]).output() else { return false };
    let sysroot = String::from_utf8_lossy(&said.stdout);
    std::path::Path::new(sysroot.trim()).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld/ld.lld").exists()
}

/// Functions that run in a daemon that watches stand side by side: memory comes in pages, and with each page its neighbours, so that
/// they would otherwise bring in most of the program. The list is made by `benches/layout.py`; names in it that this build does not
/// have are passed over.
fn in_order() {
    println!("cargo:rerun-if-changed=layout.txt");
    println!("cargo:rerun-if-env-changed=WAKEMAN_LINK_MAP");
    let Ok(list) = std::env::var("CARGO_MANIFEST_DIR").map(|folder| format!("{folder}/layout.txt")) else { return };
    // A comma would end the argument.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") && !list.contains(',') {
        println!("cargo:rustc-link-arg-bins=-Wl,--symbol-ordering-file={list}");
        println!("cargo:rustc-link-arg-bins=-Wl,--no-warn-symbol-ordering");
    }
}

/// The version of the machine's C library, as `getconf` says it.
fn glibc() -> Option<(u32, u32)> {
    let said = std::process::Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(said.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

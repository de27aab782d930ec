//! `cli` sees `types` and `present` and nothing else of ours.

#[test]
fn cli_sees_only_the_contract_and_the_wording() {
    let manifest = include_str!("../../Cargo.toml");
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let ours: Vec<&str> = dependencies
        .lines()
        .filter(|line| line.starts_with("wakeman-"))
        .map(|line| line.split(['.', ' ', '=']).next().unwrap())
        .collect();
    assert_eq!(ours, ["wakeman-types", "wakeman-present"], "move what it needs into `types`");
}

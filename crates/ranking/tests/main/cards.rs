//! The cards say what the registries say.

use wakeman_ranking::{FEATURES_VERSION, FeatureSpec, REGISTRY, tip::TIP_REGISTRY};

fn card(name: &str) -> String {
    let path = format!("{}/../../docs/policies/{name}.md", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap()
}

/// The rows of a card's table of features: name, source, range.
fn listed(card: &str) -> Vec<[String; 3]> {
    let table = card.split("| feature | from | range |").nth(1).unwrap().split("\n\n").next().unwrap();
    let cells = |line: &str| {
        // A bar that belongs to the text is written with a backslash.
        let line = line.replace("\\|", "\u{0}");
        let cells: Vec<String> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        <[String; 3]>::try_from(cells).unwrap().map(|cell| cell.replace('\u{0}', "|"))
    };
    table.lines().skip(2).map(cells).collect()
}

fn declared(registry: &[FeatureSpec]) -> Vec<[String; 3]> {
    let row = |spec: &FeatureSpec| {
        [format!("`{}`", spec.name), spec.source.to_owned(), format!("{} to {}", spec.min, spec.max)]
    };
    registry.iter().map(row).collect()
}

#[test]
fn the_card_lists_every_feature_of_the_registry() {
    let rule = card("rule-v1");
    assert_eq!(listed(&rule), declared(&REGISTRY));
    let (count, version) = (REGISTRY.len(), FEATURES_VERSION);
    assert!(rule.contains(&format!("| input | {count} features")), "its input says another number than {count}");
    assert!(rule.contains(&format!("All {count} of the registry, version {version};")));
    assert!(card("lints-v1").contains(&format!("| input | all {count} features of the registry")));
    let tips = card("egreedy-v2");
    assert_eq!(listed(&tips), declared(&TIP_REGISTRY));
    assert!(tips.contains(&format!("| input | a constant and {} features", TIP_REGISTRY.len())));
}

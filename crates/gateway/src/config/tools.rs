//! `read-only/tools.json`: which tools there are, by family and capability.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use super::keys::{KeyPath, TOOLS};

/// The switches. A family or capability that is false is neither shown to the model nor executable.
///
/// What the file does not name keeps its default: reading insights, errors, flags and the repository, opening pull requests on
/// branches of Wakeman's own and messages to the operator are on; logs, experiments, deploys and the shell are off.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(transparent)]
pub struct ToolsConfig {
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    families: BTreeMap<String, Family>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Family {
    All(bool),
    Each(BTreeMap<String, bool>),
}

impl ToolsConfig {
    /// Whether `capability` of `family` is on, e.g. `("github", "pushBranches")`. One that this version does not know is off.
    pub fn allows(&self, family: &str, capability: &str) -> bool {
        let path = format!("{family}.{capability}");
        let Some((_, default)) = TOOLS.iter().find(|(known, _)| *known == path) else { return false };
        let default = *default == "true";
        match self.families.get(family) {
            None => default,
            Some(Family::All(on)) => *on,
            Some(Family::Each(switches)) => switches.get(capability).copied().unwrap_or(default),
        }
    }

    /// Every capability this version knows, with whether it is on.
    pub fn switches(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        let known = TOOLS.iter().filter_map(|(path, _)| path.split_once('.'));
        known.map(|(family, capability)| (family, capability, self.allows(family, capability)))
    }

    /// Keys of the file that this version does not know.
    pub(crate) fn unknown(&self) -> Vec<KeyPath> {
        let mut unknown = Vec::new();
        for (name, family) in &self.families {
            let path = KeyPath::default().name(name);
            let known = |key: &KeyPath| TOOLS.iter().any(|(known, _)| *known == key.to_string());
            if !TOOLS.iter().any(|(known, _)| known.split('.').next() == Some(name)) {
                unknown.push(path);
            } else if let Family::Each(switches) = family {
                unknown.extend(switches.keys().map(|key| path.name(key)).filter(|key| !known(key)));
            }
        }
        unknown
    }
}

impl<'de> Deserialize<'de> for ToolsConfig {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self { families: BTreeMap::deserialize(from)? })
    }
}

impl<'de> Deserialize<'de> for Family {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Switches;
        impl<'de> de::Visitor<'de> for Switches {
            type Value = Family;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a family of tools; write it like {\"readFlags\": true}, or false for none of them")
            }
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Family, E> {
                Ok(Family::All(on))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Family, A::Error> {
                BTreeMap::deserialize(de::value::MapAccessDeserializer::new(map)).map(Family::Each)
            }
        }
        from.deserialize_any(Switches)
    }
}

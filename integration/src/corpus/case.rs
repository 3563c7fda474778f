//! The form of a case file, which is the one that `sailcloth test` reads, and what engines make of it.

pub use envoy_config::cases::form::{
    Bytes, Case, Engines, Excluded, Exclusion, Expect, HeaderExpect, OtherBytes, ProxyFields, RequestFields,
    ResourceSource, Scene, latin1,
};

use crate::engine::Kind;

/// Whether the engine is excluded where Envoy is of this version.
pub fn excluded(engines: &Engines, kind: Kind, envoy: &str) -> bool {
    engines.exclude.iter().any(|(excluded, exclusion)| {
        let now = match exclusion {
            Exclusion::Always(_) => true,
            Exclusion::Before { before, .. } => numbers(envoy) < numbers(before),
        };
        now && holds(*excluded, kind)
    })
}

fn holds(excluded: Excluded, kind: Kind) -> bool {
    match excluded {
        Excluded::Core => kind == Kind::Core,
        Excluded::Suite => kind == Kind::Suite,
        Excluded::Modules => kind == Kind::Modules,
        Excluded::Native => matches!(kind, Kind::Native | Kind::Istiod),
        Excluded::Twin => kind == Kind::Native,
        Excluded::Istiod => kind == Kind::Istiod,
    }
}

/// The parts of a version. Panics at what is none, which is a mistake in the case file.
pub fn numbers(version: &str) -> Vec<u32> {
    let number = |part: &str| {
        // "1.41.0-dev"
        let digits = part.split_once('-').map_or(part, |(digits, _)| digits);
        digits.parse().unwrap_or_else(|_| panic!("`{version}` is not a version like 1.39"))
    };
    version.split('.').map(number).collect()
}

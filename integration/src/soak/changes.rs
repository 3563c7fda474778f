//! Configurations that are replaced while the load runs.

use std::time::{Duration, Instant};

use serde_json::json;

use super::mesh::{self, Ports, Settings};
use crate::discovery::{Discovery, Made};
use crate::envoy::Envoy;
use crate::random::Random;
use crate::sail::{Sail, for_each_configuration};

/// One configuration of so many is none: Envoy has to keep the one before.
const REFUSED_EVERY: u32 = 8;

pub(super) struct Changes<'a> {
    discovery: &'a Discovery,
    ports: Ports,
    random: Random,
    due: Instant,
    number: u32,
    taken: u32,
    /// What did not happen as it should.
    pub(super) wrong: Vec<String>,
}

impl<'a> Changes<'a> {
    pub(super) fn new(discovery: &'a Discovery, ports: Ports, seed: u64) -> Changes<'a> {
        let random = Random::of(seed, u64::MAX);
        Changes { discovery, ports, random, due: Instant::now(), number: 0, taken: 0, wrong: Vec::new() }
    }

    /// The number of the last one.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn taken(&self) -> u32 {
        self.taken
    }

    /// Replaces the configuration where it is time to.
    pub(super) fn go_on(&mut self, envoy: &Envoy) {
        if Instant::now() < self.due {
            return;
        }
        self.number += 1;
        let settings = Settings::draw(&mut self.random, self.number);
        self.replace(envoy, &settings, self.number.is_multiple_of(REFUSED_EVERY));
        self.due = Instant::now() + Duration::from_millis(u64::from(self.random.between(100, 900)));
    }

    /// The last one.
    pub(super) fn end_with(&mut self, envoy: &Envoy, settings: Settings) {
        self.number += 1;
        self.replace(envoy, &Settings { number: self.number, ..settings }, false);
    }

    fn replace(&mut self, envoy: &Envoy, settings: &Settings, invalid: bool) {
        let sail = Sail::new(mesh::resources(self.ports, settings));
        let (sail, expected) = if invalid { (spoilt(sail), Made::Refused) } else { (sail, Made::InUse) };
        let made = self.discovery.replace(envoy, &sail);
        self.taken += u32::from(made == Made::InUse);
        if made != expected {
            self.wrong.push(format!("configuration {}: {made:?}, not {expected:?}", self.number));
        }
    }
}

/// What no module takes.
fn spoilt(sail: Sail) -> Sail {
    sail.adjust(|bootstrap| {
        for_each_configuration(bootstrap, &mut |configuration| configuration["proxy"] = json!(SPOILT));
    })
}

/// It is in the module's words about a configuration that it refuses.
pub(super) const SPOILT: &str = "no proxy at all";

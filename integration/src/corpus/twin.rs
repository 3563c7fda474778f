//! The suite beside Envoy without a module, in full: each row's request goes to the suite, to the native twin and to
//! what Istio's control plane sends, and everything that comes of it must be the same, not only what the row names. So
//! nothing is silently added or lost on the way.

use super::case::Case;
use super::load::{CaseFile, Read};
use super::run::{placed, proxies, runs};
use crate::difference::{between, describe};
use crate::engine::proxy::Bench;
use crate::engine::{Engine, Kind};

/// Whom the suite is held against.
const PEERS: [Kind; 2] = [Kind::Native, Kind::Istiod];

/// What differs between the suite and each of its peers, row by row, and how often a row was compared with one.
pub fn differences(file: &CaseFile) -> (Vec<String>, u32) {
    let proxies = proxies(file);
    let mut placed = placed(file, &proxies);
    for scene in &mut placed {
        scene.engines.retain(|kind| *kind == Kind::Suite || PEERS.contains(kind));
    }
    let bench = Bench::start(&placed, 1);
    let (mut differences, mut rows) = (Vec::new(), 0);
    for (index, Read { scene, .. }) in file.scenes.iter().enumerate() {
        // A copy arrives when it arrives, so of rows with mirrors the corpus itself compares each request; so it does of
        // rows that take more than one, be it since chance decides what becomes of each.
        let one = |case: &&Case| {
            let one = case.before.is_empty() && case.request.at_once.is_none() && case.expect.mirrors.is_empty();
            one && case.expect.status_shares.is_empty() && runs(scene, case, Kind::Suite)
        };
        for peer in PEERS.into_iter().filter(|peer| placed[index].engines.contains(peer)) {
            let [mut suite, mut other] = [Kind::Suite, peer].map(|kind| bench.engine(index, kind));
            for case in scene.cases.iter().filter(one).filter(|case| runs(scene, case, peer)) {
                rows += 1;
                let key = |kind: Kind| format!("twin-{peer}-{kind}-{}", case.name);
                let drawn = !case.expect.shares.is_empty();
                let ours = describe(&suite.ask(&case.request, &key(Kind::Suite), 0), drawn);
                let theirs = describe(&other.ask(&case.request, &key(peer), 0), drawn);
                for (name, ours, theirs) in between(&ours, &theirs) {
                    let place = format!("{}: `{}`", file.name, case.name);
                    differences.push(format!("{place}: {name}: the suite has {ours}, {peer} {theirs}"));
                }
            }
        }
    }
    (differences, rows)
}

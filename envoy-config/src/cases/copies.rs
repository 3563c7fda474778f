//! Copies at mirrors: told apart from what the destination got, and held against the row.

use super::answer::{Answer, Upstream};
use super::form::Expect;
use super::judge::{Comparison, judge_upstream};

/// Takes the copies that the row expects out of what upstreams saw; what remains is the request itself, and copies
/// that nobody expects.
pub fn take_copies(expect: &Expect, answer: &mut Answer) -> Vec<Upstream> {
    let Some(seen) = &mut answer.upstream else { return Vec::new() };
    let mut copies = Vec::new();
    for mirror in expect.mirrors.iter().chain(expect.mirror_shares.keys()) {
        // From the end: where a mirror is the destination as well, the request itself came first.
        if let Some(at) = seen.iter().rposition(|request| request.cluster == *mirror) {
            copies.push(seen.remove(at));
        }
    }
    copies
}

/// Copies are as the request itself is: path, authority and headers.
pub fn judge_copies(expect: &Expect, copies: &[Upstream], answer: &Answer, all: &mut Comparison) {
    if answer.upstream.is_none() {
        return;
    }
    let mut want = expect.mirrors.clone();
    // Those of a share are counted.
    let all_of_them = |copy: &&Upstream| !expect.mirror_shares.contains_key(&copy.cluster);
    let mut got: Vec<String> = copies.iter().filter(all_of_them).map(|copy| copy.cluster.clone()).collect();
    want.sort();
    got.sort();
    if !want.is_empty() {
        all.check("mirrors", got.join(", "), want.join(", "));
    }
    for copy in copies {
        judge_upstream(expect, copy, answer, all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_told_apart_from_the_request() {
        let upstream = |cluster: &str, path: &str| Upstream {
            cluster: cluster.to_owned(),
            path: path.to_owned(),
            authority: String::new(),
            version: None,
            method: "GET".to_owned(),
            headers: Vec::new(),
        };
        let judged = |yaml: &str, seen: &[Upstream]| {
            let expect: Expect = serde_yaml::from_str(yaml).expect("an expectation");
            let mut answer = Answer { upstream: Some(seen.to_vec()), all_attempts: true, ..Answer::default() };
            let copies = take_copies(&expect, &mut answer);
            let mut all = super::super::judge(&expect, &answer);
            judge_copies(&expect, &copies, &answer, &mut all);
            all.wrong.into_iter().map(|(what, got, want)| format!("{what}: {got}/{want}")).collect::<Vec<_>>()
        };
        let seen = [upstream("a", "/x"), upstream("b", "/x")];
        assert_eq!(judged("{cluster: a, path: /x, mirrors: [b]}", &seen), [""; 0]);
        assert_eq!(judged("{cluster: a, mirrors: [a]}", &[upstream("a", "/"), upstream("a", "/")]), [""; 0]);
        assert_eq!(judged("{cluster: a, mirrors: [b, c]}", &seen), ["mirrors: b/b, c"]);
        assert_eq!(judged("{cluster: a}", &seen), ["attempts: 2/1", "cluster: b/a"]);
        let other = [upstream("a", "/x"), upstream("b", "/y")];
        assert_eq!(judged("{cluster: a, path: /x, mirrors: [b]}", &other), ["path: /y//x"]);
    }
}

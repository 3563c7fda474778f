//! The page that says where `check` and istioctl differ, held to the codes that there are.

use std::collections::BTreeSet;

use shared::finding::Code;

const PAGE: &str = include_str!("../../../docs/istioctl.md");

/// All codes of Istio's `pkg/config/analysis/msg/messages.yaml`.
const ALL: [u32; 68] = [
    1, 2, 101, 102, 103, 106, 107, 108, 109, 110, 111, 112, 116, 118, 123, 125, 126, 127, 128, 129, 130, 131, 132, 133,
    134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144, 145, 146, 147, 148, 149, 150, 151, 152, 153, 154, 155, 156,
    157, 158, 159, 160, 161, 162, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173, 174, 175, 176, 177,
];

#[test]
fn a_code_of_istios_is_given_or_stands_on_the_page() {
    let all: BTreeSet<String> = ALL.iter().map(|number| format!("IST{number:04}")).collect();
    let given: BTreeSet<String> =
        Code::ALL.iter().map(|code| code.as_str().to_owned()).filter(|code| code.starts_with("IST")).collect();
    let (_, table) = PAGE.split_once("## Codes that are not given").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let left_out: BTreeSet<String> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| IST"))
        .map(|rest| format!("IST{}", rest.split(' ').next().unwrap()))
        .collect();
    assert!(given.is_disjoint(&left_out), "{:?}", given.intersection(&left_out));
    let said: BTreeSet<String> = given.union(&left_out).cloned().collect();
    assert_eq!(said, all);
}

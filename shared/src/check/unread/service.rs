//! What a ServiceEntry says beside what the model reads (Istio's `ValidateServiceEntry`).

use super::super::Findings;
use super::super::name::is_address;
use super::at::At;
use crate::load::Node;
use crate::model::ServiceEntry;
use crate::model::read::{Path, shorten};
use crate::model::service_entry::{Location, Resolution};

pub(super) fn check(entry: &ServiceEntry, tree: &Node, spec: &At<'_>, findings: &mut Findings<'_>) {
    let resolution = entry.resolution.unwrap_or(Resolution::None);
    let addresses = spec.field("addresses");
    let takes_blocks = matches!(resolution, Resolution::None | Resolution::Static);
    for at in addresses.items() {
        if let Err(wrong) = subnet(at.text()) {
            findings.invalid(&at.path, wrong, "");
        } else if at.text().contains('/') && !takes_blocks {
            let message = format!("a block of addresses, `{}`, needs the resolution `NONE` or `STATIC`", at.text());
            findings.invalid(&at.path, message, "write single addresses");
        }
    }
    let endpoints = spec.field("endpoints");
    // Kubernetes asks whether the list is there, and not what is in it.
    if endpoints.is() && entry.endpoints.is_empty() {
        if entry.workload_selector.is_some() {
            findings.invalid(&endpoints.path, "cannot stand beside `workloadSelector`", "remove the empty list");
        } else if resolution == Resolution::None {
            let message = "not allowed with the resolution `NONE`, which is the default, not even empty";
            findings.invalid(&endpoints.path, message, "remove the empty list");
        }
    }
    let metadata = Path::Key(&Path::Root, "metadata");
    let labels = At::of(tree, Path::Key(&metadata, "labels"));
    let waypoint = labels.field("istio.io/use-waypoint");
    let used = !waypoint.text().is_empty() && !waypoint.text().eq_ignore_ascii_case("none");
    if used && resolution == Resolution::DynamicDns && entry.location == Some(Location::MeshInternal) {
        let message = "`DYNAMIC_DNS` inside of the mesh does not go together with a waypoint";
        findings.invalid(&spec.field("location").path, message, "write `location: MESH_EXTERNAL`");
    }
}

/// What is wrong with an address or a block of them (`ValidateIPSubnet`).
pub(super) fn subnet(text: &str) -> Result<(), String> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let most = if address.contains(':') { 128 } else { 32 };
    // As Go reads them: without a sign or zeros in front.
    let is_length = |bits: &str| {
        let plain = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        plain && (bits == "0" || !bits.starts_with('0')) && bits.parse::<u32>().is_ok_and(|bits| bits <= most)
    };
    if is_address(address) && bits.is_none_or(is_length) {
        return Ok(());
    }
    let expected = "an address such as `10.0.0.1`, or a block such as `10.0.0.0/8`";
    Err(format!("expected {expected}, found `{}`", shorten(text)))
}

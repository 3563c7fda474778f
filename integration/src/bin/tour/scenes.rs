//! The scenes of the tour: what a piece of YAML asks, and the requests that show it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use integration::client::Request;

use crate::mesh::{Gateway, Mesh};
use crate::table::{Row, print};

/// How often each request is sent; enough to see that the other version never answers, or that both do.
const TIMES: usize = 20;

/// `mesh/` as published.
pub fn published(mesh: &Mesh, gateway: &Gateway) -> bool {
    let mut rows = vec![
        row("GET /", gateway.address, Request::get("/"), Asked::Version("ui v1")),
        row("GET /index.html, any host", gateway.address, host("/index.html", "cats.example"), Asked::Version("ui v1")),
        row("GET /app.jsx", gateway.address, Request::get("/app.jsx"), Asked::Version("ui v1")),
        row(
            "GET /api/v1.0/search/kitten",
            gateway.address,
            Request::get("/api/v1.0/search/kitten"),
            Asked::Version("backend v1"),
        ),
        row("GET /anything-else", gateway.address, Request::get("/anything-else"), Asked::Status(404)),
    ];
    if let Some(ui) = mesh.service("ui", "v1") {
        let asked = Asked::Each(&["ui v1, backend v1", "ui v1, backend v2"]);
        rows.push(row("the ui's own search, by the mesh", ui, Request::get("/api/v1.0/search/kitten"), asked));
    }
    print(
        "CatCatGo as published (mesh/)",
        &[
            "The Gateway takes port 80 for every host. Its VirtualService sends the page to version v1 of the ui and",
            "searches to version v1 of the backend; nothing else is served. For the host backend itself there is no",
            "rule, so what the ui asks it for inside the mesh is answered by both versions.",
        ],
        &rows,
    )
}

/// `legacy/canary-by-user-agent.yaml` in place of the VirtualService.
pub fn canary_by_user_agent(gateway: &Gateway) -> bool {
    let agent = |agent: &str| Request::get("/").header("user-agent", agent);
    let rows = [
        row("GET / with Chrome 62", gateway.address, agent("Mozilla/5.0 Chrome/62.0.3202"), Asked::Version("ui v2")),
        row("GET / with Chrome 61", gateway.address, agent("Mozilla/5.0 Chrome/61.0.3163"), Asked::Version("ui v1")),
        row("GET / without user agent", gateway.address, Request::get("/"), Asked::Version("ui v1")),
    ];
    print(
        "A canary for some (legacy/canary-by-user-agent.yaml)",
        &["Whoever has 62 in the user agent gets version v2 of the ui, everybody else v1."],
        &rows,
    )
}

/// What the YAML asks for.
#[derive(Clone, Copy)]
enum Asked {
    /// Always this version.
    Version(&'static str),
    /// Each of these, and no other.
    Each(&'static [&'static str]),
    /// This status, from Envoy.
    Status(u16),
}

fn host(path: &str, host: &str) -> Request {
    Request::get(path).header("host", host)
}

/// Sends a request several times and compares.
fn row(what: &str, address: SocketAddr, request: Request, asked: Asked) -> Row {
    let mut came: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..TIMES {
        let answer = match request.try_send(address) {
            Ok(response) => match response.header("x-catcatgo-version") {
                Some(version) if response.status == 200 => version.to_owned(),
                _ => response.status.to_string(),
            },
            Err(error) => error.to_string(),
        };
        *came.entry(answer).or_default() += 1;
    }
    let (asked, good) = match asked {
        Asked::Version(version) => (version.to_owned(), came.keys().eq([version])),
        Asked::Each(versions) => (versions.join(" and "), came.keys().eq(versions)),
        Asked::Status(status) => (status.to_string(), came.keys().eq([&status.to_string()])),
    };
    let came: Vec<String> = came.iter().map(|(answer, times)| format!("{answer} ×{times}")).collect();
    Row { request: what.into(), asked, came: came.join(", "), good }
}

//! `mesh/` as published.

use integration::client::Request;

use super::{SEARCH, TIMES, always};
use crate::crowd::tally;
use crate::stage::{Stage, Way};
use crate::table::{REQUESTS, Row, Table};

pub fn scene(stage: &mut Stage) -> Result<Table, String> {
    stage.restore()?;
    let any_host = Request::get("/index.html").header("host", "cats.example");
    let (get, way) = (Request::get, Way::Gateway);
    let mut rows = vec![
        always(stage, "GET /", way, &get("/"), &["ui v1"])?,
        always(stage, "GET /index.html, any host", way, &any_host, &["ui v1"])?,
        always(stage, "GET /app.jsx", way, &get("/app.jsx"), &["ui v1"])?,
        always(stage, "GET /api/v1.0/search/kitten", way, &get(SEARCH), &["backend v1"])?,
    ];
    let nothing = stage.send(way, 1, TIMES, &get("/anything-else"))?;
    let refused = nothing.iter().all(|answer| answer.is(404) && answer.who.is_none());
    rows.push(Row::new("GET /anything-else", "404", tally(&nothing), refused));
    let both = ["ui v1, backend v1", "ui v1, backend v2"];
    rows.push(always(stage, "the ui's own search, by the mesh", Way::Mesh, &get(SEARCH), &both)?);
    Ok(Table {
        title: "CatCatGo as published (mesh/)",
        says: &[
            "The Gateway takes port 80 for every host. Its VirtualService sends the page to version v1 of the ui and",
            "searches to version v1 of the backend; nothing else is served. For the host backend itself there is no",
            "rule, so what the ui asks it for inside the mesh is answered by both versions.",
        ],
        heads: REQUESTS,
        rows,
    })
}

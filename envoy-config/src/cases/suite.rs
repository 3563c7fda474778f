//! Case files as a whole: each case asked of the resources that it is about.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shared::load::Mark;

use super::ask::{Verdict, needs_proxy};
use super::form::{Case, ResourceSource, Scene};
use super::mesh::{Mesh, all_rules};
use super::read::{CaseError, CaseFile};
use super::report::{Destination, Results, Row, Rule};
use crate::filter::Proxy;
use crate::input::{self, Loaded, Purpose, Texts};

/// Case files, and what their cases are asked of.
pub struct Suite {
    files: Vec<CaseFile>,
    /// The mesh of each scene of each file.
    of_scenes: Vec<Vec<usize>>,
    meshes: Vec<Mesh>,
}

/// Which cases are asked, and what is said of them.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Those whose name holds one of these; all where there is none.
    pub names: Vec<String>,
    /// Whether rules are told that no case meets.
    pub coverage: bool,
}

/// Why nothing can be asked.
#[derive(Debug)]
pub enum SuiteError {
    /// Case files that are none, and resources that are not there.
    Cases(Vec<CaseError>),
    /// Resources that Istio's validation would refuse.
    Resources(Box<Loaded>),
}

impl Suite {
    /// Reads the resources of each scene: `common` ones, and then those that it names itself.
    ///
    /// # Errors
    /// With what is wrong with the resources, or where they are missing.
    pub fn new(files: Vec<CaseFile>, common: Option<&Texts>) -> Result<Suite, SuiteError> {
        let mut suite = Suite { files: Vec::new(), of_scenes: Vec::new(), meshes: Vec::new() };
        let mut known: Vec<(Vec<PathBuf>, usize)> = Vec::new();
        let mut errors = Vec::new();
        for file in files {
            let mut of_scenes = Vec::new();
            for scene in &file.scenes {
                match suite.mesh_of(&file, scene, common, &mut known) {
                    Ok(mesh) => of_scenes.push(mesh),
                    Err(SuiteError::Cases(more)) => errors.extend(more),
                    Err(error) => return Err(error),
                }
            }
            suite.files.push(file);
            suite.of_scenes.push(of_scenes);
        }
        if errors.is_empty() { Ok(suite) } else { Err(SuiteError::Cases(errors)) }
    }

    /// What is named alike is read once.
    fn mesh_of(
        &mut self,
        file: &CaseFile,
        scene: &Scene,
        common: Option<&Texts>,
        known: &mut Vec<(Vec<PathBuf>, usize)>,
    ) -> Result<usize, SuiteError> {
        let Named { paths, inline } = named(file, scene);
        if paths.is_empty() && inline.is_empty() && common.is_none() {
            let hint = "name files or folders on the command line, or here: `resources: [../mesh]`";
            return Err(wrong(file, scene.mark, "there are no resources to ask".to_owned(), hint));
        }
        let bare: Vec<PathBuf> = paths.iter().map(|(path, _)| path.clone()).collect();
        if inline.is_empty()
            && let Some((_, at)) = known.iter().find(|(paths, _)| *paths == bare)
        {
            return Ok(*at);
        }
        let mut texts = Texts { documents: inline, ..Texts::default() };
        if let Some(common) = common {
            texts.sources = common.sources.clone();
            texts.findings = common.findings.clone();
        }
        for (path, mark) in &paths {
            let mut read = input::read(std::slice::from_ref(path), false);
            if let Some(error) = read.unread.first() {
                return Err(wrong(file, *mark, error.to_string(), "a path is relative to the file that names it"));
            }
            texts.sources.append(&mut read.sources);
            texts.findings.append(&mut read.findings);
        }
        let shared = texts.documents.is_empty();
        let loaded = input::checked(texts, Purpose::default());
        if loaded.stops() {
            return Err(SuiteError::Resources(Box::new(loaded)));
        }
        self.meshes.push(Mesh::new(loaded));
        let at = self.meshes.len() - 1;
        if shared {
            known.push((bare, at));
        }
        Ok(at)
    }

    /// Asks every case that somebody wants to be asked.
    pub fn run(mut self, asked: &Asked) -> Results {
        let mut results = Results::default();
        let mut met: BTreeSet<(usize, String, u32)> = BTreeSet::new();
        let wanted = |case: &Case| asked.names.is_empty() || asked.names.iter().any(|name| case.name.contains(name));
        for (file, of_scenes) in self.files.iter().zip(&self.of_scenes) {
            for (scene, at) in file.scenes.iter().zip(of_scenes) {
                let Some(mesh) = self.meshes.get_mut(*at) else { continue };
                for case in scene.cases.iter().filter(|case| wanted(case)) {
                    let row = row(mesh, file, scene, case);
                    if let Some(rule) = row.rule.as_ref().filter(|_| asked.coverage) {
                        met.insert((*at, rule.virtual_service.clone(), rule.index));
                    }
                    results.push(row);
                }
            }
        }
        if asked.coverage {
            let all = self.meshes.iter().enumerate();
            let all = all.flat_map(|(at, mesh)| all_rules(&mesh.loaded.set).into_iter().map(move |rule| (at, rule)));
            let (mut covered, mut uncovered) = (BTreeSet::new(), BTreeSet::new());
            for (at, rule) in all {
                let is_met = met.contains(&(at, rule.virtual_service.clone(), rule.index));
                if is_met {
                    covered.insert(rule)
                } else {
                    uncovered.insert(rule)
                };
            }
            // One that stands in a file which several scenes share is met as soon as one of them does.
            uncovered.retain(|rule| !covered.contains(rule));
            results.rules = Some(covered.len() + uncovered.len());
            results.uncovered = Some(in_order(uncovered));
        }
        results
    }
}

fn in_order(rules: BTreeSet<Rule>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = rules.into_iter().collect();
    rules.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    rules
}

fn wrong(file: &CaseFile, Mark { line, column }: Mark, message: String, hint: &str) -> SuiteError {
    SuiteError::Cases(vec![CaseError { file: file.name.clone(), line, column, message, hint: hint.to_owned() }])
}

/// What a scene names.
struct Named {
    paths: Vec<(PathBuf, Mark)>,
    inline: Vec<(Option<String>, shared::load::Node)>,
}

fn named(file: &CaseFile, scene: &Scene) -> Named {
    let folder = Path::new(&file.name).parent().unwrap_or(Path::new(""));
    let (mut paths, mut inline) = (Vec::new(), Vec::new());
    for source in &scene.resources {
        match source {
            ResourceSource::Path(path, mark) => paths.push((folder.join(path), *mark)),
            ResourceSource::Inline(node) => inline.push((Some(file.name.clone()), node.clone())),
        }
    }
    Named { paths, inline }
}

fn row(mesh: &mut Mesh, file: &CaseFile, scene: &Scene, case: &Case) -> Row {
    let request = &case.request;
    let url = request.url.as_deref().unwrap_or("(raw bytes)");
    let mut row = Row {
        file: file.name.clone(),
        line: case.mark.line,
        name: case.name.clone(),
        result: Verdict::NeedsProxy,
        needs_proxy: Vec::new(),
        wrong: Vec::new(),
        notes: Vec::new(),
        request: format!("{} {url}", request.method.as_deref().unwrap_or("GET")),
        proxy: None,
        virtual_host: None,
        rule: None,
        destinations: Vec::new(),
        skipped: Vec::new(),
    };
    if let Some(why) = needs_proxy(scene, case) {
        row.needs_proxy.push(why);
        return row;
    }
    let Some(index) = mesh.proxy_of(scene, case) else { return row };
    let mesh = &*mesh;
    let Some(at) = mesh.proxy(index) else { return row };
    let judged = at.ask(case);
    row.result = judged.verdict();
    let by_url = if scene.proxy.is_some() { "" } else { ", by the URL, since no `proxy` is named" };
    row.proxy = Some(in_words(&at.proxy) + by_url);
    row.virtual_host = at.host(judged.found);
    row.rule = mesh.rule(at, judged.found);
    if row.result == Verdict::Failed {
        row.skipped = mesh.passed(at, case);
        row.notes = judged.notes;
    }
    row.needs_proxy = judged.unknown;
    row.wrong = judged.wrong;
    let destination = |(cluster, share)| Destination { cluster, share };
    row.destinations = judged.destinations.into_iter().map(destination).collect();
    row
}

/// `gateway default/web, port 80`.
fn in_words(Proxy { namespace, gateways, labels, port }: &Proxy) -> String {
    let mesh = gateways.iter().all(|gateway| gateway == shared::names::MESH);
    let mut words = match (gateways.is_empty(), mesh) {
        (true, _) => format!("the Gateways of its labels, namespace {namespace}"),
        (false, true) => format!("mesh, namespace {namespace}"),
        (false, false) => format!("gateway {}", gateways.join(", ")),
    };
    labels.iter().filter(|_| mesh).for_each(|(key, value)| words.push_str(&format!(", {key}={value}")));
    port.iter().for_each(|port| words.push_str(&format!(", port {port}")));
    words
}

#[cfg(test)]
mod tests;

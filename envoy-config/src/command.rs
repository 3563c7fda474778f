//! What the subcommands share: their common arguments, and how they speak. One file a subcommand.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use envoy_config::input::{self, Loaded, Purpose, Texts, Unread};
use envoy_config::listener::STREAM_IDLE_TIMEOUT;
use envoy_config::{Options, Packaging, generate as generating, render};
use shared::Severity;
use shared::check::Unenforced;
use shared::finding::{About, Report};
use shared::load::{Node, Value};
use shared::model::Resources;
use shared::model::read::{Path, Place, Read, Reader};
use shared::model::values::GoDuration;
use shared::plan::guard::Detector;

mod access_log;
pub mod check;
pub mod diff;
pub mod explain;
pub mod generate;
mod limits;
pub mod run;
pub mod test;

use access_log::AccessLogArgs;
use limits::LimitArgs;

/// Findings that are errors.
pub const FINDINGS: u8 = 1;
/// Wrong usage or unreadable input.
pub const USAGE: u8 = 2;

pub type Outcome = Result<ExitCode, Box<dyn Error>>;

/// Istio's resources.
#[derive(Clone, Args)]
pub struct Input {
    /// Resources: a file, a folder (its *.yaml, *.yml and *.json, not those of folders inside), or `-` for standard
    /// input. A later file replaces resources of an earlier one; those of `-f` come first.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The same, as kubectl has it; repeat for more.
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    named: Vec<PathBuf>,
    /// Looks into folders within folders, too.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Istio's MeshConfig: its YAML, or the ConfigMap `istio` with it. Without this, the ConfigMap `istio` among the
    /// resources counts, if there is one, and else Istio's defaults.
    #[arg(long, value_name = "FILE")]
    mesh_config: Option<PathBuf>,
}

impl Input {
    /// Reads, loads and checks them, when all can be read.
    pub fn load(&self, purpose: Purpose) -> Result<Loaded, Box<dyn Error>> {
        let texts = self.read()?;
        if texts.unread.is_empty() { Ok(input::checked(texts, purpose)) } else { Err(Box::new(Unread(texts.unread))) }
    }

    /// The same, while something else is done with the resources.
    pub fn load_while<T: Send>(
        &self,
        purpose: Purpose,
        work: impl FnOnce(&Resources) -> T + Send,
    ) -> Result<(Loaded, T), Box<dyn Error>> {
        let texts = self.read()?;
        match texts.unread.is_empty() {
            true => Ok(input::checked_while(texts, purpose, work)),
            false => Err(Box::new(Unread(texts.unread))),
        }
    }

    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.named.is_empty()
    }

    /// The paths without an option but for a URL among them, which is the one with a scheme, or else the last.
    pub fn and_url(&self) -> Result<(Input, String), Box<dyn Error>> {
        let Input { mut paths, named, recursive, mesh_config } = self.clone();
        let has_scheme = |path: &PathBuf| path.to_str().is_some_and(|text| text.contains("://"));
        let at = paths.iter().rposition(has_scheme).or(paths.len().checked_sub(1));
        let url = at.map(|at| paths.remove(at)).ok_or("which URL? `mesh/ http://shop.example.com/orders`")?;
        let url = url.into_os_string().into_string().map_err(|_| "the URL is no text")?;
        Ok((Input { paths, named, recursive, mesh_config }, url))
    }

    /// Files and folders from which the same can be read again: each file where those of folders inside count; nothing
    /// for standard input.
    pub fn names(&self, loaded: &Loaded) -> Vec<PathBuf> {
        match self.recursive {
            true => loaded.sources.iter().map(|source| PathBuf::from(&source.name)).collect(),
            false => self.named.iter().chain(&self.paths).filter(|path| path.as_os_str() != "-").cloned().collect(),
        }
    }

    /// Reads what can be read.
    pub fn read(&self) -> Result<Texts, Box<dyn Error>> {
        let paths: Vec<PathBuf> = self.named.iter().chain(&self.paths).cloned().collect();
        if paths.is_empty() {
            return Err("which resources? Name files, folders or `-`: `mesh/`, or `--filename <PATH>`".into());
        }
        let mut texts = input::read(&paths, self.recursive);
        if let Some(file) = &self.mesh_config {
            texts.read_mesh(file);
        }
        Ok(texts)
    }
}

/// How long a request may stand idle.
#[derive(Clone, Copy, Args)]
pub struct Idle {
    /// A request that stands idle for so long is given up; `0s` is never. A delay or timeout that is longer is warned
    /// of [default: 1h; for `generate filters` the 5m of an Envoy that is told nothing].
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true)]
    stream_idle_timeout: Option<Duration>,
}

impl Idle {
    /// The time, in listeners of our own.
    pub fn ours(self) -> Duration {
        self.or(STREAM_IDLE_TIMEOUT)
    }

    /// The time, or this where none was named.
    pub fn or(self, otherwise: Duration) -> Duration {
        self.stream_idle_timeout.unwrap_or(otherwise)
    }
}

/// What becomes of protection that Sailcloth does not give yet.
#[derive(Clone, Copy, Args)]
pub struct Protection {
    /// Goes on although resources ask for protection that Sailcloth does not give yet: AuthorizationPolicy,
    /// RequestAuthentication, PeerAuthentication with STRICT, a DestinationRule's `tls`.
    /// Requests are then NOT denied, and are sent in plain text.
    #[arg(long)]
    allow_unenforced: bool,
}

impl Protection {
    /// Where we write the clusters.
    pub fn unenforced(self) -> Unenforced {
        if self.allow_unenforced { Unenforced::Warned } else { Unenforced::Refused }
    }
}

/// How findings are told.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// How Envoy is set up.
#[derive(Args)]
pub struct Setup {
    /// One module for each behaviour, in place of the suite that has them all.
    #[arg(long)]
    separate: bool,
    /// The folder of the modules, as Envoy sees it [default: ../wasm beside this program].
    #[arg(long, value_name = "DIR")]
    module_dir: Option<PathBuf>,
    /// Where the port of a Gateway listens, such as `80=9080` or `80=127.0.0.1:9080`. By itself port N listens on
    /// 0.0.0.0:N, as an ingress does, and at N + 8000 when N is below 1024.
    #[arg(long, value_name = "PORT=[ADDR:]PORT", value_parser = listen)]
    listen: Vec<(u16, SocketAddr)>,
    /// Where the mesh's listener is [default: 127.0.0.1:15001 when a VirtualService applies to `mesh`, else nowhere].
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    mesh_listen: Option<SocketAddr>,
    /// The namespace in which the mesh's proxy lives, whose services have short names [default: the only one that there is
    /// in the resources, else `default`].
    #[arg(short = 'n', long, value_name = "NAME", value_parser = namespace)]
    namespace: Option<String>,
    /// Where Envoy's admin page is, or `none`.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:15000", value_parser = admin)]
    admin: Admin,
    #[command(flatten)]
    pub idle: Idle,
    #[command(flatten)]
    pub protection: Protection,
    /// A file whose only line is a token, of 16 characters at least: a request that carries it in `x-sailcloth-explain` is
    /// told in a response header of that name why it went where it went, for `sailcloth explain --decode`.
    #[arg(long, value_name = "FILE")]
    explain_token_file: Option<PathBuf>,
    #[command(flatten)]
    pub access_log: AccessLogArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Which findings keep Envoy from being set up.
#[derive(Clone, Copy, Args)]
pub struct Strict {
    /// Stops at warnings, and at errors that Envoy would start with.
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy)]
struct Admin(Option<SocketAddr>);

impl Setup {
    /// As the library wants it. The modules must be there when `here`, or when nobody said where they are: elsewhere
    /// they may be in a container that this program does not see.
    pub fn options(&self, here: bool) -> Result<Options, String> {
        let packaging = if self.separate { Packaging::Separate } else { Packaging::Suite };
        let module_dir = match &self.module_dir {
            Some(folder) if here => std::path::absolute(folder).map_err(|error| error.to_string())?,
            Some(folder) => folder.clone(),
            None => beside_this_program().map_err(|error| format!("where is this program? {error}"))?,
        };
        if here || self.module_dir.is_none() {
            present(packaging, &module_dir)?;
        }
        let mut listen = BTreeMap::new();
        for (port, at) in &self.listen {
            if listen.insert(*port, *at).is_some() {
                return Err(format!("`--listen {port}=...` stands twice"));
            }
        }
        let Setup { mesh_listen, admin: Admin(admin), idle, .. } = *self;
        let stream_idle_timeout = idle.ours();
        let stats_flush_interval = None;
        let (namespace, limits) = (self.namespace.clone(), self.limits.limits());
        Ok(Options {
            packaging,
            module_dir,
            listen,
            mesh_listen,
            admin,
            namespace,
            limits,
            access_log: self.access_log.access_log(false),
            explain_token: self.explain_token_file.as_deref().map(token).transpose()?,
            original_destinations: false,
            stream_idle_timeout,
            stats_flush_interval,
            detector: Detector::Envoy,
        })
    }
}

/// The token that a file holds.
fn token(file: &std::path::Path) -> Result<String, String> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("`--explain-token-file {shown}`: {error}"))?;
    let token = text.trim_end_matches(['\r', '\n']);
    if token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!(
            "`--explain-token-file {shown}`: a token has at least 16 characters, and no blanks; write one with \
             `openssl rand -hex 16 > {shown}`"
        ));
    }
    Ok(token.to_owned())
}

fn beside_this_program() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?.canonicalize()?;
    Ok(program.ancestors().nth(2).unwrap_or(&program).join("wasm"))
}

fn present(packaging: Packaging, folder: &std::path::Path) -> Result<(), String> {
    let missing = packaging.files(folder).find(|(_, there)| !there);
    missing.map_or(Ok(()), |(file, _)| {
        Err(format!(
            "there is no module `{}`; `scripts/build.sh` builds it, and `--module-dir` says where it is",
            file.display()
        ))
    })
}

fn listen(text: &str) -> Result<(u16, SocketAddr), String> {
    let wrong = || "expected PORT=PORT or PORT=ADDR:PORT, such as `80=9080` or `80=127.0.0.1:9080`".to_owned();
    let (port, at) = text.split_once('=').ok_or_else(wrong)?;
    let anywhere = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    let at = at.parse().map(anywhere).ok().or_else(|| at.parse().ok()).ok_or_else(wrong)?;
    Ok((port.parse().map_err(|_| wrong())?, at))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected ADDR:PORT, such as `127.0.0.1:15001`".to_owned())
}

fn admin(text: &str) -> Result<Admin, String> {
    match text {
        "none" => Ok(Admin(None)),
        text => {
            let expected = format!("expected ADDR:PORT, such as `{}`, or `none`", generating::ADMIN_ADDRESS);
            text.parse().map(|at| Admin(Some(at))).map_err(|_| expected)
        }
    }
}

fn namespace(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.is_empty() && text.len() <= 63 && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    Err("expected the name of a namespace, such as `shop`".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let node = Node::unplaced(Value::Text(text.to_owned()));
    let (about, mut report) = (About::default(), Report::new());
    let read = GoDuration::read(Place { node: &node, path: &Path::Root }, &mut Reader::new(&about, &mut report));
    read.map(|duration| duration.0).ok_or_else(|| "expected a duration such as `1h`, `90s` or `1h30m`".to_owned())
}

/// Says the findings on standard error, as far as there are any.
pub fn tell(loaded: &Loaded, output: Output) -> io::Result<()> {
    match output {
        _ if loaded.findings.is_empty() => Ok(()),
        Output::Text => quiet(anstream::stderr().write_all(render::text(loaded).as_bytes())),
        Output::Json => quiet(io::stderr().write_all(render::json(&loaded.findings).as_bytes())),
    }
}

/// Prints for people on standard output, without colours where they do not belong.
pub fn print_styled(text: &str) -> io::Result<()> {
    write_all(anstream::stdout(), text)
}

/// Whether the findings keep Envoy from being set up. Where it is for want of protection, which no other error is like,
/// says how to go on; where it is not, and there are errors, says what becomes of them.
pub fn stops(loaded: &Loaded, Strict { strict }: Strict, output: Output) -> bool {
    let count = |severity| loaded.findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let why = if loaded.lacks_protection() {
        "stopped, since resources ask for protection that Sailcloth does not give yet (SC0018); `--allow-unenforced` goes on \
         without it"
    } else if loaded.stops() {
        "stopped, since Istio's validation would refuse these resources"
    } else if strict && errors + warnings > 0 {
        "stopped at these findings, as `--strict` asks; without it Envoy would start with them"
    } else {
        if errors > 0 && output == Output::Text {
            let them = if errors == 1 { "this error" } else { "these errors" };
            note(&format!("Envoy starts with {them} all the same; `--strict` stops instead"));
        }
        return false;
    };
    if output == Output::Text {
        refuse(why);
    }
    true
}

/// Prints for programs on standard output, every byte of it: what takes colours out takes DEL out as well.
pub fn print(text: &str) -> io::Result<()> {
    write_all(io::stdout(), text)
}

/// Prints what is written piece by piece, as bytes.
pub fn print_bytes(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let written = write(&mut out).and_then(|()| out.flush());
    if written.is_err() {
        // Nothing more goes there.
        drop(out.into_parts());
    }
    quiet(written)
}

/// Prints what is written piece by piece.
pub fn print_pieces(write: impl FnOnce(&mut dyn std::fmt::Write) -> std::fmt::Result) -> io::Result<()> {
    struct Pieces<'a> {
        out: io::BufWriter<io::StdoutLock<'a>>,
        failed: Option<io::Error>,
    }
    impl std::fmt::Write for Pieces<'_> {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.out.write_all(text.as_bytes()).map_err(|error| {
                self.failed = Some(error);
                std::fmt::Error
            })
        }
    }
    let mut pieces = Pieces { out: io::BufWriter::with_capacity(1 << 16, io::stdout().lock()), failed: None };
    let written = write(&mut pieces);
    let Pieces { mut out, failed } = pieces;
    quiet(match (failed, written) {
        (Some(error), _) => {
            // Nothing more goes there.
            std::mem::forget(out);
            Err(error)
        }
        (None, Err(error)) => Err(io::Error::other(error)),
        (None, Ok(())) => out.flush(),
    })
}

fn write_all(mut out: impl Write, text: &str) -> io::Result<()> {
    quiet(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Who reads no further has read enough.
fn quiet(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Says what is odd about what came of it.
pub fn warn(what: &str) {
    let style = anstyle::AnsiColor::Yellow.on_default().bold();
    // With standard error closed there is nobody to tell.
    let _ = writeln!(anstream::stderr(), "{style}warning{style:#}: {what}");
}

/// Says what to know of what came of it.
pub fn note(what: &str) {
    let style = anstyle::AnsiColor::Cyan.on_default().bold();
    // With standard error closed there is nobody to tell.
    let _ = writeln!(anstream::stderr(), "{style}note{style:#}: {what}");
}

/// Says why nothing comes of resources.
pub fn refuse(why: &str) -> ExitCode {
    complain(why.into());
    ExitCode::from(FINDINGS)
}

/// Says why nothing came of it.
pub fn complain(error: Box<dyn Error>) -> ExitCode {
    let said: Vec<String> = match error.downcast_ref::<Unread>() {
        Some(Unread(all)) => all.iter().map(ToString::to_string).collect(),
        None => vec![error.to_string()],
    };
    complain_of(&said)
}

/// Says each of several things why nothing came of it.
pub fn complain_of(errors: &[impl Display]) -> ExitCode {
    let style = anstyle::AnsiColor::Red.on_default().bold();
    for one in errors {
        // With standard error closed there is nobody to tell.
        let _ = writeln!(anstream::stderr(), "{style}error{style:#}: {one}");
    }
    ExitCode::from(USAGE)
}

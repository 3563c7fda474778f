//! `sailcloth run`.

use std::ffi::OsString;
use std::io::{IsTerminal, stdout};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use envoy_config::envoy::log::Said;
use envoy_config::envoy::{Admin, Envoy, NEWEST, OLDEST, Session, TemporaryFolder};
use envoy_config::generate::Generated;
use envoy_config::input::Purpose;
use envoy_config::source::RuleSources;
use envoy_config::wire::Address;
use envoy_config::{bootstrap, generate};
use shared::finding::Finding;

use super::{FINDINGS, Input, Outcome, Output, Setup, Strict, duration, refuse, stops, tell, warn};

mod places;
mod words;

use words::Words;

const EXAMPLES: &str = "\
Examples:
  sailcloth run -f services.yaml -f mesh/
  sailcloth run -f mesh/ --listen 80=127.0.0.1:9080 --admin none --concurrency 2
  sailcloth run -f mesh/ --namespace shop --mesh-listen 127.0.0.1:15001
  sailcloth run -f mesh/ --access-log requests.json --access-log-format json --drain 30s
  sailcloth run -f mesh/ -f policies/ --allow-unenforced
  sailcloth run -f mesh/ --envoy ~/bin/envoy -- --log-level debug";

/// Starts Envoy on resources, says when it is ready, and stops it with this program. Exits as Envoy did.
///
/// INT and TERM let requests that are under way come to their end first, a second one ends them. HUP changes nothing.
///
/// It does not start where resources ask for protection that Sailcloth does not give yet (SC0018), unless
/// `--allow-unenforced` is given.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    setup: Setup,
    #[command(flatten)]
    strict: Strict,
    /// The Envoy to start [default: $ENVOY, else `envoy` on PATH, else `func-e` on PATH].
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// How many workers Envoy has [default: Envoy's own, one for each core].
    #[arg(long, value_name = "N")]
    concurrency: Option<NonZeroU32>,
    /// How long requests that are under way may take when this program is told to end.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    drain: Duration,
    /// How findings and Envoy's log (on standard error) and addresses (on standard output) are told.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// What else Envoy is told. Its log begins at `warning` unless these say otherwise.
    #[arg(last = true, value_name = "ENVOY ARGS")]
    rest: Vec<OsString>,
}

pub fn run(args: &Args) -> Outcome {
    let mut options = args.setup.options(true)?;
    places::fit(&mut options, args.setup.limits.max_connections);
    let envoy = Envoy::find(args.envoy.as_deref())?;
    let version = envoy.probe(&TemporaryFolder::new()?)?;
    if version.is_untried() {
        warn(&format!("Envoy {version} is newer than all that Sailcloth was tried on ({OLDEST} to {NEWEST})"));
    }
    let at_a_terminal = args.output == Output::Text && stdout().is_terminal();
    options.access_log = args.setup.access_log.access_log(at_a_terminal);
    places::open(options.access_log.as_mut())?;
    let purpose =
        Purpose { stream_idle_timeout: options.stream_idle_timeout, unenforced: args.setup.protection.unenforced() };
    let loaded = args.input.load(purpose)?;
    tell(&loaded, args.output)?;
    if stops(&loaded, args.strict, args.output) {
        return Ok(ExitCode::from(FINDINGS));
    }
    let generated = options.generate(&loaded.set)?;
    if generated.fronts.is_empty() {
        return Ok(refuse(generate::NOTHING_TO_LISTEN_FOR));
    }
    places::usable(&generated)?;
    let mut folder = TemporaryFolder::new()?;

    let listening = generated.listening(&loaded.set);
    // Modules find the same, and know of no files.
    let findings = loaded.findings.iter().map(|finding| Finding { file: None, ..finding.clone() }.to_string());
    let (admin, bootstrap) = write(generated, &folder)?;
    let session = Session { admin, drain: args.drain, said: Said::new(findings) };
    let command = envoy.command(&bootstrap, args.concurrency, args.drain, &args.rest);
    let rules = RuleSources::of(&loaded.set);
    // All that is needed of them has been written.
    drop(loaded);

    let page = if let Admin::Tcp(at) = &session.admin { Some(*at) } else { None };
    let words = Words { output: args.output, version, page };
    let end = envoy.run(command, session, |event| words.event(event, &listening, args.drain), words.log(rules))?;
    if end.served && !end.asked {
        words.gone(end.code);
    }
    if !end.served && !end.asked {
        folder.keep();
        words.refused(end.code, &bootstrap);
        // Nobody was served, whatever Envoy makes of it.
        return Ok(ExitCode::from(end.code.max(FINDINGS)));
    }
    Ok(ExitCode::from(end.code))
}

/// Writes the bootstrap. Envoy has an admin page that nobody else can get at where the user wants none.
fn write(generated: Generated, folder: &TemporaryFolder) -> Result<(Admin, PathBuf), Box<dyn std::error::Error>> {
    let place = generated.admin;
    let mut bootstrap = generated.bootstrap();
    let admin = match place {
        Some(at) => Admin::Tcp(at),
        None => {
            let path = socket(folder.path())?;
            let address = Address::Pipe { path: path.display().to_string() };
            bootstrap.admin = Some(bootstrap::Admin { address });
            Admin::Unix(path)
        }
    };
    Ok((admin, folder.write("envoy.json", generate::pretty(&bootstrap).as_bytes())?))
}

/// A socket's path has little room.
fn socket(folder: &Path) -> Result<PathBuf, String> {
    const LONGEST: usize = 100;
    let path = folder.join("admin");
    match path.as_os_str().len() {
        ..=LONGEST => Ok(path),
        _ => Err(format!("`{}` is too long a path for a socket; name a shorter folder in $TMPDIR", path.display())),
    }
}

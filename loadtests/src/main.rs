//! `parlor-load`: puts simulated users on a server and says what it cost and whether all of them saw the truth.
//! 0: consistent; 1: somebody saw what the protocol rules out; 2: nothing was measured.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use parlor_loadtests::reference::run_as_reference;
use parlor_loadtests::run::{Order, run};
use parlor_loadtests::scenario::Scenario;
use parlor_loadtests::server::Server;
use parlor_loadtests::{plot, process, report, world};

/// Files that are open beside the sockets.
const SPARE_FILES: u64 = 200;

/// Simulated users against a server that is started here, or against the one at --url.
#[derive(Parser)]
#[command(name = "parlor load", version)]
struct Arguments {
    /// What the users do.
    #[arg(value_enum)]
    scenario: Scenario,
    /// A running server, as http://127.0.0.1:8080; then --tokens names its accounts.
    #[arg(long)]
    url: Option<String>,
    /// The accounts, as `parlor seed --users N --tokens FILE` writes them.
    #[arg(long, requires = "url")]
    tokens: Option<PathBuf>,
    /// Simulated users.
    #[arg(long)]
    users: Option<usize>,
    /// Messages a second and room; in the gift scenarios gifts a second in all; 0: as fast as it goes.
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds that are measured, of each round.
    #[arg(long)]
    seconds: Option<u64>,
    /// People in one room.
    #[arg(long)]
    room_size: Option<usize>,
    /// Rounds; the figures are their medians.
    #[arg(long)]
    rounds: Option<usize>,
    /// Where the report goes as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the report goes as a page with pictures.
    #[arg(long)]
    html: Option<PathBuf>,
    /// Holds it against a program that only writes ready-made frames.
    #[arg(long)]
    with_floor: bool,
    /// Holds it against what the tutorials do.
    #[arg(long)]
    with_textbook: bool,
    /// The server's program, where one is started here. Default: `parlor` beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match run_as_reference(&arguments) {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => {}
        Err(error) => return failed(&error),
    }
    match measure(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => failed(&error),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("parlor load: {why}");
    ExitCode::from(2)
}

fn measure(arguments: &Arguments) -> Result<bool, String> {
    let mut plan = arguments.scenario.plan();
    plan.users = arguments.users.unwrap_or(plan.users).max(1);
    plan.seconds = arguments.seconds.unwrap_or(plan.seconds).max(1);
    plan.room_size = arguments.room_size.unwrap_or(plan.room_size).max(1);
    if let Some(rate) = arguments.rate {
        plan.rate = (rate > 0.0).then_some(rate);
    }
    process::allow_files(plan.users as u64 + SPARE_FILES)?;
    let beside = std::env::current_exe().map_err(|error| error.to_string())?.with_file_name("parlor");
    let program = arguments.server.as_deref().unwrap_or(&beside);
    let (server, accounts) = server(arguments, program, plan.users)?;
    let order = Order {
        scenario: arguments.scenario,
        plan,
        with_floor: arguments.with_floor,
        with_textbook: arguments.with_textbook,
        rounds: arguments.rounds,
        program,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let outcome = runtime.block_on(run(server, &accounts, &order)).map_err(|error| error.to_string())?;
    println!("{}", outcome.report);
    print!("{}", report::violations(&outcome.violations));
    let write =
        |path: &Path, text: String| std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()));
    if let Some(path) = &arguments.json {
        write(path, outcome.report.json() + "\n")?;
    }
    if let Some(path) = &arguments.html {
        write(path, plot::page(&outcome.report, &outcome.course))?;
    }
    Ok(outcome.report.consistent)
}

fn server(arguments: &Arguments, program: &Path, users: usize) -> Result<(Server, Vec<world::Account>), String> {
    let read = |path: &Path| world::accounts(path).map_err(|error| format!("{}: {error}", path.display()));
    let Some(url) = &arguments.url else {
        let (server, tokens) = Server::start(program, users)?;
        let accounts = read(&tokens)?;
        return Ok((server, accounts));
    };
    let address: Option<SocketAddr> = url
        .strip_prefix("http://")
        .map(|rest| rest.trim_end_matches('/'))
        .and_then(|host| host.to_socket_addrs().ok()?.next());
    let address = address.ok_or_else(|| format!("{url} is no address as http://127.0.0.1:8080"))?;
    let tokens = arguments.tokens.as_deref().ok_or(
        "--url needs --tokens FILE: the accounts that `parlor seed --users N --tokens FILE` has made on that server",
    )?;
    Ok((Server::at(address), read(tokens)?))
}

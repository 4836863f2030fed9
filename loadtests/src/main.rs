//! `parlor-load`: connects simulated users to a server, and reports what that cost and whether each of them saw a true
//! picture. Exit codes: 0: consistent; 1: a user saw something that the protocol rules out; 2: nothing was measured.

#![allow(clippy::disallowed_methods, reason = "a load test may start tasks of its own, and ends with them")]

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use parlor_loadtests::reference::run_as_reference;
use parlor_loadtests::run::{Order, run};
use parlor_loadtests::scenario::{Scenario, Wish};
use parlor_loadtests::server::Server;
use parlor_loadtests::{plot, process, proof, report, world};

/// Files that this program has open besides the sockets.
const SPARE_FILES: u64 = 200;
/// The most rounds of one run; more would not make the medians better.
const MAX_ROUNDS: usize = 100;

/// Simulated users against a server that this command starts, or against the one at --url.
#[derive(Parser)]
#[command(name = "parlor load", version)]
struct Arguments {
    /// What the users do.
    #[arg(value_enum)]
    scenario: Scenario,
    /// A running server, as http://127.0.0.1:8080; it needs --tokens for the accounts.
    #[arg(long)]
    url: Option<String>,
    /// The accounts, as `parlor seed --users N --tokens FILE` writes them.
    #[arg(long, requires = "url")]
    tokens: Option<PathBuf>,
    /// The database of the server at --url, as postgres://parlor_audit:...@host/parlor; a role that may only read is
    /// enough. Without it the ledger of that server is not audited.
    #[arg(long, requires = "url")]
    database: Option<String>,
    /// Simulated users.
    #[arg(long)]
    users: Option<usize>,
    /// Accounts to create, connected or not, if this command starts the server. Default: one per user.
    #[arg(long, conflicts_with = "url")]
    accounts: Option<usize>,
    /// Messages per second and room; in mixed actions per second of each user; in the gift scenarios gifts per second
    /// in all, or 0 for as many as possible.
    #[arg(long, allow_negative_numbers = true)]
    rate: Option<f64>,
    /// Seconds that each round measures.
    #[arg(long)]
    seconds: Option<u64>,
    /// People in one room.
    #[arg(long)]
    room_size: Option<usize>,
    /// Number of rounds; the figures are the medians of the rounds.
    #[arg(long)]
    rounds: Option<usize>,
    /// The file for the report as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The file for the report as an HTML page with charts.
    #[arg(long)]
    html: Option<PathBuf>,
    /// Compare with a program that only writes ready-made frames.
    #[arg(long)]
    with_floor: bool,
    /// Compare with a server written as the tutorials do.
    #[arg(long)]
    with_textbook: bool,
    /// The server's program, if this command starts it. Default: `parlor` in the folder of this program.
    #[arg(long)]
    server: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    // `./parlor prove` asks for the list of proofs, or for how to run one of them.
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[1..] {
        ["proofs"] => {
            print!("{}", proof::list());
            return ExitCode::SUCCESS;
        }
        ["proof", name] => return line_of(name),
        _ => {}
    }
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

/// Prints how a proof is run: the minutes, the test's name, and cargo's arguments for the test binary.
fn line_of(name: &str) -> ExitCode {
    let Some(proof) = proof::PROOFS.iter().find(|proof| proof.name == name) else {
        return ExitCode::from(2);
    };
    println!("{} {} {}", proof.minutes, proof.test, proof.binary);
    ExitCode::SUCCESS
}

fn failed(why: &str) -> ExitCode {
    eprintln!("parlor load: {why}");
    ExitCode::from(2)
}

fn measure(arguments: &Arguments) -> Result<bool, String> {
    let Arguments { scenario, users, rate, seconds, room_size, rounds, .. } = *arguments;
    let plan = scenario.planned(Wish { users, rate, seconds, room_size })?;
    if rounds.is_some_and(|rounds| !(1..=MAX_ROUNDS).contains(&rounds)) {
        return Err(format!("--rounds: give 1 to {MAX_ROUNDS}"));
    }
    if arguments.with_floor && !scenario.is_chat() {
        eprintln!("parlor load: there is no floor for {}", scenario.name());
    }
    let has_textbook = scenario.is_chat() || (scenario.gives() && arguments.url.is_none());
    if arguments.with_textbook && !has_textbook {
        eprintln!("parlor load: there is no textbook for {}, or none at --url", scenario.name());
    }
    let accounts = arguments.accounts.unwrap_or(plan.users);
    if accounts < plan.users {
        return Err(format!("--accounts {accounts} are fewer than the {} users", plan.users));
    }
    let who = match arguments.url {
        None => "this program, and as many in the server that it starts",
        Some(_) => "this program (the server at --url needs as many of its own)",
    };
    process::allow_files(plan.users as u64 + SPARE_FILES, who)?;
    let beside = std::env::current_exe().map_err(|error| error.to_string())?.with_file_name("parlor");
    let program = arguments.server.as_deref().unwrap_or(&beside);
    let (server, accounts) = server(arguments, program, accounts)?;
    if accounts.len() < plan.users {
        return Err(format!(
            "{} accounts are too few for {} users: seed more, or take fewer --users",
            accounts.len(),
            plan.users
        ));
    }
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

fn server(arguments: &Arguments, program: &Path, accounts: usize) -> Result<(Server, Vec<world::Account>), String> {
    let read = |path: &Path| world::accounts(path).map_err(|error| format!("{}: {error}", path.display()));
    let Some(url) = &arguments.url else {
        let (server, tokens) = Server::start(program, accounts, arguments.scenario.is_long())?;
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
    let server = Server::at(address);
    let server = match &arguments.database {
        Some(database) => server.with_books(program, database),
        None => server,
    };
    Ok((server, read(tokens)?))
}

//! Parlor, the program: what can be typed, and what it exits with. 0 is fine; 1: the audit found
//! something; 2: not done, or ended although nobody asked for that, and standard error says why in a sentence.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use parlor::app::{People, Scale};
use parlor::command;
use parlor::command::admin::NewAdmin;
use parlor::command::ledger::AuditArgs;
use parlor::start::StartError;

/// A real-time room and messaging server for live-audio social apps.
#[derive(Parser)]
#[command(name = "parlor", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything on this machine, with a private PostgreSQL and demo users.
    Dev {
        /// The port to listen at; 0 takes a free one. [default: 8080]
        #[arg(long, value_name = "N")]
        port: Option<u16>,
        /// Listen for the whole network, so that a phone can open the page: anybody in it can.
        #[arg(long)]
        lan: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Serve people from the PostgreSQL at DATABASE_URL.
    Serve,
    /// Apply what is new in the schema, by DATABASE_OWNER_URL or in the store of `dev`.
    Migrate {
        /// In the private store of `dev`, which is made if there is none.
        #[arg(long)]
        dev: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Lay the default catalogue, each part once.
    Seed {
        /// Also the demo users of `dev`, whose password everybody knows.
        #[arg(long)]
        demo: bool,
        #[cfg(feature = "bench")]
        #[command(flatten)]
        crowd: Crowd,
        /// A world of accounts, rooms and gifts in a database without users: small has a thousand users, medium fifty
        /// thousand, large a million.
        #[arg(long, value_enum, conflicts_with = "demo")]
        scale: Option<WorldScale>,
        /// In the private store of `dev`, which is made if there is none.
        #[arg(long)]
        dev: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Print the description of the REST API, OpenAPI 3.1.
    Openapi,
    /// The settings.
    #[command(subcommand)]
    Config(Config),
    /// The books.
    #[command(subcommand)]
    Ledger(Ledger),
    /// The platform's staff.
    #[command(subcommand)]
    Admin(Admin),
}

#[derive(Subcommand)]
enum Config {
    /// Print every problem with what `serve` would be started with; without one, the settings that hold.
    Check {
        /// What `dev` would be started with, which needs no database's address.
        #[arg(long)]
        dev: bool,
    },
    /// Write the table of all settings into this page anew, for `docs/settings.md`.
    #[command(hide = true)]
    Document {
        /// The page, which has a table already.
        page: PathBuf,
    },
}

#[derive(Subcommand)]
enum Ledger {
    /// Check every invariant; exits with 1 and the offending rows if one does not hold.
    Audit {
        /// Compare with the anchors in this folder, instead of those that the settings name.
        #[arg(long, value_name = "DIR")]
        anchors: Option<PathBuf>,
        /// Go on from the checkpoint in this file, and keep the next one there, instead of the one that the settings
        /// name.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        /// Read everything again, whatever was read before.
        #[arg(long)]
        full: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Sign the heads of all chains and add them to the place outside the database that the settings name.
    Anchor(StoreArgs),
}

#[derive(Subcommand)]
enum Admin {
    /// Make an account that may do everything. The password is the first line of standard input; where
    /// that is empty one is made, and printed this once.
    #[command(group(clap::ArgGroup::new("contact").args(["email", "phone"]).required(true).multiple(true)))]
    Create {
        /// The e-mail address that signs in.
        #[arg(long)]
        email: Option<String>,
        /// The phone number that signs in, with + and the country's code.
        #[arg(long)]
        phone: Option<String>,
        /// The display name.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Give somebody a role.
    Grant {
        /// An id, an e-mail address, a phone number with +, or a signature.
        user: String,
        /// The role's name, as `moderator`.
        role: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Take a role from somebody.
    Revoke {
        /// An id, an e-mail address, a phone number with +, or a signature.
        user: String,
        /// The role's name, as `moderator`.
        role: String,
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// How large a seeded world is.
#[derive(Clone, Copy, ValueEnum)]
enum WorldScale {
    Small,
    Medium,
    Large,
}

impl WorldScale {
    fn scale(self) -> Scale {
        match self {
            Self::Small => Scale::SMALL,
            Self::Medium => Scale::MEDIUM,
            Self::Large => Scale::LARGE,
        }
    }
}

/// What only load tests ask for: a program that is built for people has no such options.
#[cfg(feature = "bench")]
#[derive(Args)]
struct Crowd {
    /// So many accounts with coins for a load test; --tokens takes their access tokens.
    #[arg(long, value_name = "N", requires = "tokens", conflicts_with_all = ["demo", "scale"])]
    users: Option<usize>,
    /// The file for the tokens of --users, a JSON object a line.
    #[arg(long, value_name = "FILE", requires = "users")]
    tokens: Option<PathBuf>,
}

#[derive(Args)]
struct StoreArgs {
    /// The folder of the private store, if no DATABASE_URL is given. [default: .data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&StartError::new("no threads can be started: end other programs").because(error)),
    };
    let done = runtime.block_on(async {
        match command {
            Command::Dev { port, lan, store } => command::dev(port, lan, store.data).await.map(|()| true),
            Command::Serve => command::serve().await.map(|()| true),
            Command::Migrate { dev, store } => command::migrate(store.data, dev).await.map(|()| true),
            Command::Seed {
                demo,
                scale,
                dev,
                store,
                #[cfg(feature = "bench")]
                crowd,
            } => {
                let people = match scale {
                    Some(scale) => People::World(scale.scale()),
                    None if demo => People::Demo,
                    None => People::None,
                };
                #[cfg(feature = "bench")]
                let people = match (crowd.users, crowd.tokens) {
                    (Some(users), Some(tokens)) => People::Load(users, tokens),
                    _ => people,
                };
                command::seed(store.data, dev, &people).await.map(|()| true)
            }
            Command::Openapi => {
                command::openapi();
                Ok(true)
            }
            Command::Config(Config::Check { dev }) => command::check_config(!dev).map(|()| true),
            Command::Config(Config::Document { page }) => command::document_config(&page).map(|()| true),
            Command::Ledger(Ledger::Audit { anchors, checkpoint, full, store }) => {
                command::ledger::audit(store.data, &AuditArgs { anchors, checkpoint, full }).await
            }
            Command::Ledger(Ledger::Anchor(store)) => command::ledger::anchor(store.data).await.map(|()| true),
            Command::Admin(admin) => staff(admin).await.map(|()| true),
        }
    });
    // A start that was stopped midway may leave a thread behind that blocks.
    runtime.shutdown_timeout(Duration::from_millis(200));
    parlor::telemetry::stop();
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => failed(&error),
    }
}

async fn staff(admin: Admin) -> Result<(), StartError> {
    match admin {
        Admin::Create { email, phone, name, store } => {
            command::admin::create_admin(store.data, NewAdmin { email, phone, name }).await
        }
        Admin::Grant { user, role, store } => command::admin::grant(store.data, &user, &role).await,
        Admin::Revoke { user, role, store } => command::admin::revoke(store.data, &user, &role).await,
    }
}

fn failed(error: &StartError) -> ExitCode {
    eprintln!("parlor: {error}");
    ExitCode::from(2)
}

//! Which database a command works on: the one that the settings name, or the private store of `dev`. A command names it
//! before it does anything, and makes none.

use std::path::{Path, PathBuf};

use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use super::{migrate_as, tell};
use crate::cluster;
use crate::config::{Secret, Settings};
use crate::db;
use crate::dev::{Purpose, Store};
use crate::economy::ledger::anchor::AnchorSettings;
use crate::start::StartError;

/// The folder of the private store if neither the command nor `PARLOR_DATA` names one.
const DATA: &str = ".data";

/// The addresses at which the program reaches the database in its two roles, and who keeps the database running.
pub(super) struct Addresses {
    /// With the role that serves, `parlor_app`.
    pub(super) app: Option<PgConnectOptions>,
    /// With the role that migrates, `parlor_owner`.
    pub(super) owner: Option<PgConnectOptions>,
    /// The private store, if the database is in it.
    pub(super) store: Option<Store>,
    /// How long a lease is watched before the database is migrated.
    cluster: cluster::Settings,
}

impl Addresses {
    /// The database of `parlor dev`: that of the settings, or else the private store, which is made if there is none.
    pub(super) async fn of_dev(settings: &Settings, data: Option<PathBuf>) -> Result<Self, StartError> {
        Self::open(settings, data, Purpose::Serve, "parlor dev").await
    }

    /// The database of a command that works as `parlor_app`, which is named at once.
    ///
    /// # Errors
    /// Also if there is no address for that role.
    pub(super) async fn find(
        settings: &Settings,
        data: Option<PathBuf>,
        purpose: Purpose,
        who: &str,
    ) -> Result<Self, StartError> {
        Self::named(settings, data, purpose, who, Self::app).await
    }

    /// The database of a command that works as its owner, which is named at once.
    ///
    /// # Errors
    /// Also if there is no address for that role.
    pub(super) async fn of_owner(
        settings: &Settings,
        data: Option<PathBuf>,
        purpose: Purpose,
        who: &str,
    ) -> Result<Self, StartError> {
        Self::named(settings, data, purpose, who, Self::owner).await
    }

    /// Opens the database and names it by the address of one role.
    async fn named(
        settings: &Settings,
        data: Option<PathBuf>,
        purpose: Purpose,
        who: &str,
        role: impl FnOnce(&Self) -> Result<&PgConnectOptions, StartError>,
    ) -> Result<Self, StartError> {
        let found = Self::open(settings, data, purpose, who).await?;
        tell(&format!("the database is {}", db::shown(role(&found)?)));
        Ok(found)
    }

    async fn open(settings: &Settings, data: Option<PathBuf>, purpose: Purpose, who: &str) -> Result<Self, StartError> {
        let database = &settings.database;
        if database.url.is_some() || database.owner_url.is_some() {
            if data.is_some() || purpose == Purpose::Work {
                let setting = if database.url.is_some() { "DATABASE_URL" } else { "DATABASE_OWNER_URL" };
                return Err(StartError::new(format!(
                    "{setting} names a database, and --data or --dev a private store: leave one of the two out"
                )));
            }
            return Self::given(settings);
        }
        let data = data.unwrap_or_else(data_folder);
        let store = Store::open(&data, purpose, who).await?;
        if let Some(asked) = &store.place().moved_from {
            let account = store.place().account.as_ref().map_or("", |account| account.name.as_str());
            tracing::info!(
                "PostgreSQL runs as {account}, who cannot enter {}: the data is in {}",
                asked.display(),
                store.place().data.display()
            );
        }
        Ok(Self {
            app: Some(store.options("parlor_app")),
            owner: Some(store.options("parlor_owner")),
            store: Some(store),
            cluster: settings.cluster.clone(),
        })
    }

    /// The database of the settings.
    pub(super) fn given(settings: &Settings) -> Result<Self, StartError> {
        let parse = |setting, address: &Option<Secret>| {
            address.as_ref().map(|address| db::parse(setting, address.reveal())).transpose()
        };
        Ok(Self {
            app: parse("DATABASE_URL", &settings.database.url)?,
            owner: parse("DATABASE_OWNER_URL", &settings.database.owner_url)?,
            store: None,
            cluster: settings.cluster.clone(),
        })
    }

    /// The address with the role that serves.
    pub(super) fn app(&self) -> Result<&PgConnectOptions, StartError> {
        self.app.as_ref().ok_or_else(|| {
            StartError::new("DATABASE_URL is missing: give it the address with the role that serves (parlor_app)")
        })
    }

    /// The address with the role that migrates.
    pub(super) fn owner(&self) -> Result<&PgConnectOptions, StartError> {
        self.owner.as_ref().ok_or_else(|| {
            StartError::new(
                "DATABASE_OWNER_URL is missing: give it the address with the role that owns the schema (parlor_owner)",
            )
        })
    }

    /// A connection as the role that serves, to a database whose schema this program can work on.
    pub(super) async fn checked(&self) -> Result<PgConnection, StartError> {
        let mut conn = db::connect(self.app()?).await?;
        db::refuse_other_schema(&mut conn).await?;
        Ok(conn)
    }

    /// The same to write with. The private store is migrated first if it has to be; any other database is migrated by
    /// `parlor migrate` alone.
    pub(super) async fn migrated(&self) -> Result<PgConnection, StartError> {
        if self.store.is_some() {
            self.migrate().await?;
        }
        let mut conn = self.checked().await?;
        db::refuse_too_few_rights(&mut conn).await?;
        Ok(conn)
    }

    /// Migrates if the owner's address is known.
    pub(super) async fn migrate(&self) -> Result<(), StartError> {
        match &self.owner {
            Some(owner) => migrate_as(owner, &self.cluster, &|line| tracing::info!("{line}")).await.map(drop),
            None => Ok(()),
        }
    }

    /// The folder in which `dev` keeps its files beside the database.
    pub(super) fn folder(&self) -> PathBuf {
        self.store.as_ref().map_or_else(data_folder, |store| store.place().data.clone())
    }

    /// The settings of the anchors. With a private store, the anchors and their key lie beside it unless the settings
    /// say otherwise.
    pub(super) fn anchors(&self, settings: &Settings) -> AnchorSettings {
        let given = settings.ledger.anchor.clone();
        match &self.store {
            Some(store) => given.beside(&store.place().data),
            None => given,
        }
    }

    pub(super) async fn close(self) {
        if let Some(store) = self.store {
            store.close().await;
        }
    }
}

/// The folder of the private store if the command names none.
fn data_folder() -> PathBuf {
    let named = std::env::var_os("PARLOR_DATA").filter(|data| !data.is_empty());
    named.map_or_else(|| Path::new(DATA).to_owned(), PathBuf::from)
}

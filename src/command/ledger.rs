//! `parlor ledger`: the books are audited, and anchored outside the database.

use std::path::PathBuf;
use std::sync::Mutex;

use sqlx::Connection as _;
use sqlx::postgres::PgConnectOptions;

use super::{Addresses, cannot, chance, clock, for_work, say, tell};
use crate::config::Settings;
use crate::db;
use crate::dev::Purpose;
use crate::economy;
use crate::economy::ledger::anchor::{self, AnchorKey, AnchorSettings, PublicKey, Series};
use crate::economy::ledger::audit::{self, Checkpoint, Found, Keeper, Plan, Progress, Rule};
use crate::start::StartError;

/// What `parlor ledger audit` is given besides the store.
#[derive(Clone, Debug, Default)]
pub struct AuditArgs {
    /// The folder of the anchors, instead of those that the settings name.
    pub anchors: Option<PathBuf>,
    /// The file of the checkpoint, instead of the one that the settings name.
    pub checkpoint: Option<PathBuf>,
    /// From the first row, whatever was read before.
    pub full: bool,
}

/// `parlor ledger audit`: checks every invariant of the books and prints what breaks one. Returns whether all hold.
pub async fn audit(data: Option<PathBuf>, args: &AuditArgs) -> Result<bool, StartError> {
    let settings = for_work()?;
    let addresses = Addresses::find(&settings, data, Purpose::Existing, "parlor ledger audit").await?;
    let audited = async {
        let app = addresses.app()?;
        let conn = addresses.checked().await?;
        // Only read from; a connection that does not close cleanly changes nothing.
        let _ = conn.close().await;
        let given = Given::of(&settings, &addresses, args).await?;
        books(app, given).await
    }
    .await;
    addresses.close().await;
    audited
}

/// What the books are audited with.
struct Given {
    series: Option<Series>,
    key: Option<AnchorKey>,
    keeper: Option<Keeper>,
    from: Option<Checkpoint>,
    /// What the file of the checkpoint held instead of one.
    unsound: Option<(String, String)>,
}

impl Given {
    async fn of(settings: &Settings, addresses: &Addresses, args: &AuditArgs) -> Result<Self, StartError> {
        let anchor = addresses.anchors(settings);
        let unreadable = "the keys of the anchors could not be read: see ledger.anchor in docs/settings.md";
        let key = anchor.signing_key(&chance()).map_err(cannot(unreadable))?;
        let counted = anchor.counted(key.as_ref()).map_err(cannot(unreadable))?;
        let series = series(settings, anchor.clone(), args.anchors.clone(), &counted).await?;
        let file = args.checkpoint.clone().or(anchor.checkpoint);
        let keeper = file.as_deref().map(Keeper::of);
        let mut given = Self { series, key, keeper, from: None, unsound: None };
        let Some((keeper, file)) = given.keeper.as_ref().zip(file).filter(|_| !args.full) else { return Ok(given) };
        let unreadable = "the checkpoint could not be read: give --checkpoint a file, or --full";
        match keeper.read(&counted).map_err(cannot(unreadable))? {
            Found::Nothing => {}
            _ if counted.is_empty() => return Err(no_key("checkpoints")),
            Found::Checkpoint(checkpoint) => given.from = Some(*checkpoint),
            Found::Unsound(why) => given.unsound = Some((format!("checkpoint {}", file.display()), why)),
        }
        Ok(given)
    }
}

/// Prints what the audit looked at and each row that breaks an invariant. Returns whether there is no such row.
async fn books(database: &PgConnectOptions, given: Given) -> Result<bool, StartError> {
    let mut conn = db::connect(database).await?;
    let kinds = economy::kinds();
    let line = Line::default();
    let told = |progress| line.tell(progress);
    let plan = Plan::of(&kinds).beside(given.series.as_ref()).from(given.from).telling(&told);
    let audited = audit::audit(&mut conn, plan).await.map_err(cannot("the books could not be read"))?;
    let mut report = audited.report;
    if let Some((file, why)) = given.unsound {
        report.add(Rule::CheckpointTrue, file, why);
    }
    if report.anchors == 0 {
        report.notes.push(
            "no anchor was compared with: if the newest transfers were cut off, or all tables were restored together, \
             that would not show (docs/ledger.md)"
                .to_owned(),
        );
    }
    let kept = match (&given.keeper, &given.key, audited.checkpoint.filter(|_| report.is_clean())) {
        (Some(keeper), Some(key), Some(checkpoint)) => keeper.keep(&checkpoint, key),
        (Some(_), None, Some(_)) => {
            report.notes.push("no checkpoint was kept: ledger.anchor.key is not given".to_owned());
            Ok(())
        }
        _ => Ok(()),
    };
    say(&report.to_string());
    // Only read from; a connection that does not close cleanly changes nothing.
    let _ = conn.close().await;
    kept.map_err(cannot("the checkpoint could not be kept: see that its file can be written"))?;
    Ok(report.is_clean())
}

/// What was told last, so that a long audit tells each step and each twentieth of it once.
#[derive(Default)]
struct Line(Mutex<Option<(&'static str, Option<u8>)>>);

impl Line {
    fn tell(&self, Progress { step, percent, transfers }: Progress) {
        let now = Some((step, percent.map(|percent| percent / 5 * 5)));
        let mut last = self.0.lock().expect("nobody panics while holding it");
        if *last != now {
            *last = now;
            let far = percent.map_or(String::new(), |percent| format!(" {percent} %"));
            tell(&format!("audit: {step}{far}, {transfers} transfers read"));
        }
    }
}

fn no_key(what: &str) -> StartError {
    StartError::new(format!(
        "there are {what} but no key to check them with: set ledger.anchor.public_keys to the public key that \
         `parlor ledger anchor` prints"
    ))
}

/// The anchors that the books are compared with: those in the named folder, or else those of the settings. `None` if
/// neither is given.
async fn series(
    settings: &Settings,
    mut anchor: AnchorSettings,
    named: Option<PathBuf>,
    counted: &[PublicKey],
) -> Result<Option<Series>, StartError> {
    let is_named = named.is_some();
    if let Some(folder) = named {
        if !folder.is_dir() {
            return Err(StartError::new(format!(
                "{} is not a folder: give --anchors a folder with anchors",
                folder.display()
            )));
        }
        anchor = AnchorSettings { folder: Some(folder), bucket: None, ..anchor };
    }
    let unreadable = "the anchors could not be read: see ledger.anchor in docs/settings.md";
    let Some(place) = anchor.place(&settings.media.s3, &chance()).map_err(cannot(unreadable))? else { return Ok(None) };
    if counted.is_empty() {
        return Err(no_key("anchors"));
    }
    let series = Series::read(&place, counted).await.map_err(cannot(unreadable))?;
    if is_named && series.is_empty() {
        return Err(StartError::new(format!(
            "there are no anchors in {place}: give --anchors the folder that ledger.anchor.folder names where they are \
             made; it has a folder `anchors`"
        )));
    }
    Ok(Some(series))
}

/// `parlor ledger anchor`: signs the heads of all hash chains and adds them to the anchors outside the database.
pub async fn anchor(data: Option<PathBuf>) -> Result<(), StartError> {
    let settings = for_work()?;
    let addresses = Addresses::find(&settings, data, Purpose::Existing, "parlor ledger anchor").await?;
    let anchored = async {
        let anchor = addresses.anchors(&settings);
        if let Some(why) = anchor.unwritable() {
            return Err(StartError::new("the anchor was not made").because(why));
        }
        let unusable = "the anchor was not made: see ledger.anchor in docs/settings.md";
        let place = anchor.place(&settings.media.s3, &chance()).map_err(cannot(unusable))?;
        let key = anchor.signing_key(&chance()).map_err(cannot(unusable))?;
        let (Some(place), Some(key)) = (place, key) else {
            return Err(StartError::new(
                "anchors need a place and a key: set ledger.anchor.folder or ledger.anchor.bucket, and \
                 ledger.anchor.key (`openssl rand -base64 32` makes one)",
            ));
        };
        let counted = anchor.counted(Some(&key)).map_err(cannot(unusable))?;
        let mut conn = addresses.checked().await?;
        let made = anchor::make(&mut conn, &place, &key, &counted, clock().now()).await;
        let made = made.map_err(cannot("the anchor was not made"))?;
        // Only read from; a connection that does not close cleanly changes nothing.
        let _ = conn.close().await;
        say(&format!(
            "anchor {}: {} links, the journal up to transfer {}, {} accounts; its public key is {}",
            made.number,
            made.links,
            made.last_transfer,
            made.openings.no,
            key.public()
        ));
        Ok(())
    }
    .await;
    addresses.close().await;
    anchored
}

//! What an audit found, for people and for a metric.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

/// Violations that a report names; beyond it they are counted.
const NAMED: usize = 1_000;

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// What must hold.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum Rule { $($(#[$doc])* $variant,)* }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

rules! {
    /// A row has all its columns, each account once, ascending, nothing empty.
    RowWhole = "row_whole";
    /// A row's legs sum to zero in each currency.
    ZeroSum = "zero_sum";
    /// A leg is in the currency of its account.
    LegCurrency = "leg_currency";
    /// A row's legs are what its kind makes of its detail, whole, by what held then; and its kind may be
    /// posted on its authority's word.
    PostingRecomputed = "posting_recomputed";
    /// A leg names the account's transfer before it.
    ListWhole = "list_whole";
    /// The actor's balance on a row is the fold up to it.
    AnswerTrue = "answer_true";
    /// No account but issuance is ever below zero.
    NeverNegative = "never_negative";
    /// Balance, experience and last transfer are the fold of the journal.
    BalanceIsFold = "balance_is_fold";
    /// Only issuance may overdraw.
    Overdraft = "overdraft";
    /// The records that a kind keeps of its own and the journal agree, both ways.
    RecordsAgree = "records_agree";
    /// Every row of the journal is in a link, and every row of a link is there.
    LinkWhole = "link_whole";
    /// A link's hash is that of its rows.
    LinkHash = "link_hash";
    /// A chain's links are numbered without holes, each behind the hash before.
    ChainWhole = "chain_whole";
    /// An operation is done or refused, not both.
    OperationOnce = "operation_once";
    /// A stored refusal is the one that its batch's link hashes.
    RefusalTrue = "refusal_true";
    /// A wallet has its two accounts with their balance rows.
    WalletWhole = "wallet_whole";
    /// Accounts were opened in one chain, each once.
    OpeningWhole = "opening_whole";
    /// An account has one owner, the one that it was opened for.
    OwnerTrue = "owner_true";
    /// The schema and its rights are as the migrations make them.
    SchemaMigrated = "schema_migrated";
    /// What an anchor outside the database names is there as it was.
    Anchored = "anchored";
    /// Anchors are whole, signed, and each behind the one before.
    AnchorTrue = "anchor_true";
    /// The checkpoint that the audit was to go on from is signed, and the books have what it says of them.
    CheckpointTrue = "checkpoint_true";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A row that breaks a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// Which row: `transfer 513`, `account 7`, `link 2/5`, `room 104233871`.
    pub subject: String,
    /// What is there, and what should be.
    pub detail: String,
}

/// The checkpoint that an audit has gone on from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Since {
    /// When the audit began that left it, Unix milliseconds.
    pub at: i64,
    /// Rows of the journal before it.
    pub transfers: u64,
}

/// What an audit found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The checkpoint that it has gone on from; none where it has read everything.
    pub since: Option<Since>,
    /// Rows of the journal that were read.
    pub transfers: u64,
    /// Accounts.
    pub accounts: u64,
    /// Links of all chains that were read.
    pub links: u64,
    /// Stored refusals.
    pub refusals: u64,
    /// Anchors that the books were compared with.
    pub anchors: u64,
    /// The rows that break a rule, the first thousand.
    pub violations: Vec<Violation>,
    /// Violations in all.
    pub found: u64,
    /// What could not be looked at, and why; no violation.
    pub notes: Vec<String>,
}

impl Report {
    /// Nothing breaks a rule.
    pub fn is_clean(&self) -> bool {
        self.found == 0
    }

    /// Names a row that breaks a rule, besides what the audit itself finds.
    pub fn add(&mut self, rule: Rule, subject: impl Into<String>, detail: impl Into<String>) {
        self.found += 1;
        if self.violations.len() < NAMED {
            self.violations.push(Violation { rule, subject: subject.into(), detail: detail.into() });
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "audited: {} transfers, {} accounts, {} links, {} refusals; {} anchors",
            self.transfers, self.accounts, self.links, self.refusals, self.anchors
        )?;
        if let Some(Since { at, transfers }) = self.since {
            let at = DateTime::<Utc>::from_timestamp_millis(at).unwrap_or_default();
            let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            writeln!(
                f,
                "from the checkpoint of {at} on; the {transfers} transfers before it were not read again (--full does)"
            )?;
        }
        for violation in &self.violations {
            writeln!(f, "{:<18} {}: {}", violation.rule, violation.subject, violation.detail)?;
        }
        let more = self.found - self.violations.len() as u64;
        if more > 0 {
            writeln!(f, "and {more} more")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        match self.found {
            0 if self.anchors == 0 => write!(f, "clean, as far as the database alone can show"),
            0 => write!(f, "clean"),
            found => write!(f, "{found} violations"),
        }
    }
}

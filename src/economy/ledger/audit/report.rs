//! The report of an audit: what it found.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

/// The most violations that a report names. Further ones are only counted.
const NAMED: usize = 1_000;

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A rule that the books must keep.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum Rule { $($(#[$doc])* $variant,)* }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The rule's name, which does not change.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

rules! {
    /// A row of the journal has all its columns. Its legs are not empty, and name each account once, in ascending
    /// order.
    RowWhole = "row_whole";
    /// The legs of a row sum to zero in each currency.
    ZeroSum = "zero_sum";
    /// A leg has the currency of its account.
    LegCurrency = "leg_currency";
    /// The legs of a row are exactly those that its kind makes of its detail, by the versions that held at the time;
    /// and its authority may order such a posting.
    PostingRecomputed = "posting_recomputed";
    /// A leg names the account's previous transfer.
    ListWhole = "list_whole";
    /// The actor's balance on a row is what the journal comes to at this row.
    AnswerTrue = "answer_true";
    /// No account except those of issuance is ever below zero.
    NeverNegative = "never_negative";
    /// A stored balance, experience and last transfer are what the journal comes to.
    BalanceIsFold = "balance_is_fold";
    /// Only accounts of issuance may overdraw.
    Overdraft = "overdraft";
    /// A kind's own records and the journal agree: neither has anything that the other lacks.
    RecordsAgree = "records_agree";
    /// Every row of the journal belongs to a link, and every row of a link exists.
    LinkWhole = "link_whole";
    /// The hash of a link is that of its rows.
    LinkHash = "link_hash";
    /// The links of a chain are numbered without gaps, and each names the hash of the previous one.
    ChainWhole = "chain_whole";
    /// An operation is done once or refused, not both.
    OperationOnce = "operation_once";
    /// The stored refusals of a batch are those that the batch's link hashes.
    RefusalTrue = "refusal_true";
    /// A wallet has its two accounts, with their balances.
    WalletWhole = "wallet_whole";
    /// Each account was opened once, in the chain of openings.
    OpeningWhole = "opening_whole";
    /// An account has one owner, for whom it was opened.
    OwnerTrue = "owner_true";
    /// The schema and its grants are as the migrations make them.
    SchemaMigrated = "schema_migrated";
    /// What an anchor outside the database names is still there, unchanged.
    Anchored = "anchored";
    /// Anchors are complete and signed, and each follows the previous one.
    AnchorTrue = "anchor_true";
    /// The checkpoint from which the audit should go on is signed, and the books contain what it names.
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
    /// The rule.
    pub rule: Rule,
    /// The row, as `transfer 513`, `account 7`, `link 2/5` or `room 104233871`.
    pub subject: String,
    /// What is wrong: what is there, and what should be.
    pub detail: String,
}

/// The checkpoint from which an audit went on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Since {
    /// When the audit that made it began, in Unix milliseconds.
    pub at: i64,
    /// How many rows of the journal that audit had verified.
    pub transfers: u64,
}

/// What an audit found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The checkpoint from which it went on; `None` if it has read everything.
    pub since: Option<Since>,
    /// How many rows of the journal were read.
    pub transfers: u64,
    /// How many accounts were checked.
    pub accounts: u64,
    /// How many links of all chains were read.
    pub links: u64,
    /// How many stored refusals were checked.
    pub refusals: u64,
    /// How many anchors the books were compared with.
    pub anchors: u64,
    /// The violations, at most a thousand.
    pub violations: Vec<Violation>,
    /// How many violations there are in all.
    pub found: u64,
    /// What could not be checked, and why. A note is no violation.
    pub notes: Vec<String>,
}

impl Report {
    /// Whether no row breaks a rule.
    pub fn is_clean(&self) -> bool {
        self.found == 0
    }

    /// Adds a violation. Callers of the audit may add what they find themselves.
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

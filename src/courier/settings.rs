//! How people are reached outside the app.

use serde::{Deserialize, Serialize};

use crate::config::Secret;

/// E-mail and SMS.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Messages of one kind that may wait; beyond it they are dropped. Default 1,024.
    pub queue: usize,
    /// Tries at sending a message. Default 4.
    pub attempts: u32,
    /// Milliseconds before the second try; each further one waits twice as long. Default 1,000.
    pub backoff_ms: u64,
    /// E-mail.
    pub mail: MailSettings,
    /// SMS.
    pub sms: SmsSettings,
}

/// The SMTP server.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailSettings {
    /// Its name; naming one turns e-mail on. No default: `dev` writes messages to the log, `serve` refuses
    /// with `feature_off` what needs one.
    pub host: Option<String>,
    /// Its port. Default 587 with `starttls`, 465 with `tls`, 25 with `off`.
    pub port: Option<u16>,
    /// `starttls` (required, not tried), `tls` from the first byte, or `off`. Default `starttls`.
    pub tls: Tls,
    /// Who signs in there. No default: nobody does.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// The sender, as `Parlor <no-reply@example.com>`.
    pub from: Option<String>,
}

/// How the way to the mail server is kept private.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Not at all: for a server on the same machine.
    Off,
    /// By STARTTLS, without which nothing is said.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
}

/// The endpoint that sends SMS.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmsSettings {
    /// Where messages are posted; naming one turns SMS on. No default, as with `mail.host`.
    pub webhook_url: Option<Secret>,
    /// The secret that signs them, 16 characters at least.
    pub webhook_secret: Option<Secret>,
    /// Milliseconds for an answer. Default 5,000.
    pub timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let (mail, sms) = (MailSettings::default(), SmsSettings::default());
        Self { queue: 1_024, attempts: 4, backoff_ms: 1_000, mail, sms }
    }
}

impl Default for SmsSettings {
    fn default() -> Self {
        Self { webhook_url: None, webhook_secret: None, timeout_ms: 5_000 }
    }
}

impl MailSettings {
    /// The port, as given or as usual.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Tls::Off => 25,
            Tls::Starttls => 587,
            Tls::Tls => 465,
        })
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

impl Settings {
    /// Every value that cannot work, by its name.
    pub fn problems(&self) -> Vec<String> {
        let ranges: [(&str, u64, u64, u64); 4] = [
            ("queue", self.queue as u64, 1, 100_000),
            ("attempts", self.attempts.into(), 1, 10),
            ("backoff_ms", self.backoff_ms, 1, 60_000),
            ("sms.timeout_ms", self.sms.timeout_ms, 100, 60_000),
        ];
        let outside = ranges.into_iter().filter(|(_, value, low, high)| !(low..=high).contains(&value));
        let mut problems: Vec<String> = outside
            .map(|(name, value, low, high)| format!("courier.{name}: {value} is not between {low} and {high}"))
            .collect();
        let MailSettings { host, tls, user, password, from, .. } = &self.mail;
        if let Some(host) = host {
            let from = from.as_ref().is_some_and(|from| from.parse::<lettre::message::Mailbox>().is_ok());
            if !from {
                problems.push("courier.mail.from: give the sender as `Parlor <no-reply@example.com>`".to_owned());
            }
            if user.is_some() != password.is_some() {
                problems.push("courier.mail.password: user and password are given together".to_owned());
            }
            if user.is_some() && *tls == Tls::Off && !is_this_machine(host) {
                problems.push("courier.mail.tls: a password is not sent in the clear to another machine".to_owned());
            }
        }
        if let Some(url) = self.sms.webhook_url.as_ref().map(Secret::reveal) {
            let fits = url.parse::<reqwest::Url>().is_ok_and(|url| match url.scheme() {
                "https" => true,
                "http" => url.host_str().is_some_and(is_this_machine),
                _ => false,
            });
            if !fits {
                problems.push("courier.sms.webhook_url: give an https address (http only on this machine)".to_owned());
            }
            if self.sms.webhook_secret.as_ref().is_none_or(|secret| secret.reveal().len() < 16) {
                problems.push("courier.sms.webhook_secret: give 16 characters at least".to_owned());
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::{MailSettings, Settings, SmsSettings, Tls};

    #[test]
    fn what_would_leak_or_cannot_be_sent_is_named() {
        assert_eq!(Settings::default().problems(), Vec::<String>::new());
        let mail = MailSettings {
            host: Some("mail.example".to_owned()),
            tls: Tls::Off,
            user: Some("parlor".to_owned()),
            password: Some("hunter2".to_owned().into()),
            ..MailSettings::default()
        };
        let sms = SmsSettings { webhook_url: Some("http://sms.example/".to_owned().into()), ..SmsSettings::default() };
        let problems = Settings { mail, sms, ..Settings::default() }.problems().join("\n");
        for name in ["mail.from", "mail.tls", "sms.webhook_url", "sms.webhook_secret"] {
            assert!(problems.contains(name), "{name}: {problems}");
        }
        assert!(!problems.contains("hunter2"));
        let url = Some("http://127.0.0.1:9/".to_owned());
        let sms = SmsSettings {
            webhook_url: url.map(Into::into),
            webhook_secret: Some("0123456789abcdef".to_owned().into()),
            ..SmsSettings::default()
        };
        assert!(Settings { sms, ..Settings::default() }.problems().is_empty());
    }
}

//! `docs/errors.md`: every error code and close code, from the one list of each.

use std::fmt::Write;

use parlor_protocol::{CloseCode, ErrorCode};
use serde_json::json;

use crate::asyncapi::meaning_and_advice;

const HEAD: &str = "\
# Error and close codes

Written from `protocol/src/error.rs` and `close.rs` by `./parlor schema`; a test fails when it is stale.

## Errors
REST and socket share one list. `code` is stable: codes are only ever added, so treat one that you do not know by its
`retry`, which speaks of the same operation (`op`, or the same request):

| retry | what to do |
| --- | --- |
| `never` | the answer is final for this operation; a new tap is a new operation |
| `now` | send it again at once, with the same operation |
| `later` | send it again after `retry_after_ms`, with the same operation |
| `sign_in` | sign in again first |

`status` is that of REST answers (`application/problem+json`); a socket has `code` and `retry` in the reply's `error`.

| code | status | retry | meaning | what to do |
| --- | --- | --- | --- | --- |
";

const CLOSINGS: &str = "
## Close codes
A `closing` notice says the same before the socket is closed, unless nothing can be sent any more. From 4000 to 4499
come back and resume (after `after_ms`, if the notice names it; else with back-off and jitter), from 4500 do not. With
no code at all, or 1006, the connection was lost: come back and resume. The server answers a client's own close with 1000.

| code | reason | come back | meaning | what to do |
| --- | --- | --- | --- | --- |
";

/// The page.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for code in ErrorCode::ALL {
        let (meaning, advice) = meaning_and_advice(code.doc());
        assert!(
            !meaning.is_empty() && !advice.is_empty(),
            "{code}: its docstring says what it means and, behind an empty line, what to do"
        );
        let retry = json!(code.retry());
        let retry = retry.as_str().expect("a word");
        writeln!(page, "| `{code}` | {} | `{retry}` | {meaning} | {advice} |", code.status()).expect("a string grows");
    }
    page.push_str(CLOSINGS);
    for code in CloseCode::ALL {
        let (meaning, advice) = meaning_and_advice(code.doc());
        assert!(
            !meaning.is_empty() && !advice.is_empty(),
            "{code:?}: its docstring says what it means and, behind an empty line, what to do"
        );
        let (number, reason) = (code.number(), code.reason());
        let back = if (4000..4500).contains(&number) { "yes" } else { "no" };
        writeln!(page, "| {number} | `{reason}` | {back} | {meaning} | {advice} |").expect("a string grows");
    }
    page
}

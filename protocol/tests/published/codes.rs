//! Writes `docs/errors.md` from the lists of error codes and close codes.

use std::fmt::Write;

use parlor_protocol::{CloseCode, ErrorCode};
use serde_json::json;

use crate::asyncapi::meaning_and_advice;

const HEAD: &str = "\
# Error and close codes

Written from `protocol/src/error.rs` and `close.rs` by `./parlor schema`; a test fails when it is stale.

## Errors
REST and the socket share one list. A `code` is stable, and codes are only ever added. Handle a code that you do not know
by its `retry`, which says what to do with the same operation (`op`, or the same request):

| retry | what to do |
| --- | --- |
| `never` | the answer is final for this operation; a new tap makes a new operation |
| `now` | send it again at once, with the same operation |
| `later` | send it again after `retry_after_ms`, with the same operation |
| `sign_in` | sign in again first |

`status` is the HTTP status of a REST answer (`application/problem+json`). On the socket, `code` and `retry` are in the
`error` of the reply. The status of a refused handshake is 426 instead of 400 if what is missing is the upgrade to a
WebSocket.

| code | status | retry | meaning | what to do |
| --- | --- | --- | --- | --- |
";

const CLOSINGS: &str = "
## Close codes
A `closing` notice with the same code comes before the close frame, unless the server can send nothing any more. After a
code from 4000 to 4499 the client comes back and resumes: after `after_ms` if the notice has it, else with back-off and
jitter. After 4500 and above it does not come back. Without a code, or with 1006, the connection was lost, and the client
comes back and resumes. The server answers a client's own close with 1000.

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
            "{code}: its docstring must say what it means and, after an empty line, what to do"
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
            "{code:?}: its docstring must say what it means and, after an empty line, what to do"
        );
        let (number, reason) = (code.number(), code.reason());
        let back = if (4000..4500).contains(&number) { "yes" } else { "no" };
        writeln!(page, "| {number} | `{reason}` | {back} | {meaning} | {advice} |").expect("a string grows");
    }
    page
}

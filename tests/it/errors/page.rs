//! The page, written from what the source says.

use std::fmt::Write as _;

use super::source::{Entry, Source};

const HEAD: &str = "\
Every refusal has a code, which stays the same from version to version. It is on the error page, in the log, \
and in the story
that is kept under the reference id for 24 hours: `symbolon trace <reference>`, or `/admin/traces` with the admin token. The story says
what came, what was expected and what to change, with the names and values of that very sign-in; this page says it in general.

Whose move it is: **visitor**, the person signing in; **app**, the developer of the app; **provider**, the administrator of the
identity provider; **pool**, the administrator of the pool in this broker; **us**, the operator of the broker.

This page is made from the source; a test keeps it complete.
";

pub(super) fn write(source: &Source) -> String {
    let mut text = format!("{HEAD}\n");
    for refusal in source.refusals.iter().filter(|refusal| !refusal.entries.is_empty()) {
        write!(
            text,
            "## {}\n\n| code | whose move | what it means | what to do |\n|---|---|---|---|\n",
            refusal.title
        )
        .unwrap();
        for Entry { code, faults, meaning, hints } in &refusal.entries {
            let hints = hints.iter().map(|hint| sentence(hint)).collect::<Vec<_>>().join(" ");
            let faults = faults.iter().cloned().collect::<Vec<_>>().join(", ");
            writeln!(text, "| `{code}` | {faults} | {} | {} |", cell(meaning), cell(&hints)).unwrap();
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let text = first + letters.as_str();
    if text.ends_with(['.', '?', '!']) { text } else { text + "." }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").split_whitespace().collect::<Vec<_>>().join(" ")
}

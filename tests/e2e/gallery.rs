//! Every hosted page in every state, language and theme, looked at by axe-core in Chromium.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::peers::axe;

/// The gallery's pages of which `wanted` likes the name; `folder` is made anew.
fn gallery(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let made = Command::new(env!("CARGO_BIN_EXE_symbolon")).arg("gallery").arg(folder).output().expect("the binary runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let name = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).is_some_and(&wanted);
        stem && path.extension().is_some_and(|extension| extension == "html")
    };
    let mut files: Vec<PathBuf> = files.filter(name).collect();
    files.sort();
    files
}

/// Every state in both directions and themes, and the fullest page in every language: axe finds nothing, nothing is wider than 320 pixels
/// (which is also 200 % of zoom on a small screen), and the Tab key reaches every control visibly (D-19).
#[test]
fn every_page_can_be_used_by_everybody() {
    let folder = std::env::temp_dir().join(format!("symbolon-gallery-{}", std::process::id()));
    let both = |name: &str| name.contains(".en.") || name.contains(".ar.") || name.starts_with("sign-in-email-invalid.");
    let files = gallery(&folder, both);
    assert!(files.len() > 100, "{}", files.len());
    let report = axe(&json!({ "files": files }));
    std::fs::remove_dir_all(&folder).expect("it was made");
    assert_eq!(report.get("looked"), Some(&json!(files.len())), "{report:#}");
    for kind in ["findings", "overflows", "unfocusable"] {
        assert_eq!(report.get(kind), Some(&json!([])), "{kind}: {report:#}");
    }
}

//! Every hosted page in every state, language and theme, and the administrator's pages, looked at by axe-core
//! in Chromium.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::peers::axe;
use crate::support::process::TempDir;
use crate::world::{AppSettings, Broker, Settings, ask, get, http};

const ADMIN_TOKEN: &str = "the-token-of-whoever-looks-4711";

/// The gallery's pages of which `wanted` likes the name; `folder` is made anew.
fn gallery(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let made = Command::new(env!("CARGO_BIN_EXE_symbolon"))
        .arg("gallery")
        .arg(folder)
        .output()
        .expect("the binary runs");
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

/// Every state in both directions and themes, and the fullest page in every language: axe finds nothing,
/// nothing is wider than 320 pixels (which is also 200 % of zoom on a small screen), and the Tab key reaches
/// every control visibly (D-19).
#[test]
fn every_page_can_be_used_by_everybody() {
    let folder = std::env::temp_dir().join(format!("symbolon-gallery-{}", std::process::id()));
    let both = |name: &str| {
        name.contains(".en.") || name.contains(".ar.") || name.starts_with("sign-in-email-invalid.")
    };
    let files = gallery(&folder, both);
    assert!(files.len() > 100, "{}", files.len());
    let report = axe(&json!({ "files": files }));
    std::fs::remove_dir_all(&folder).expect("it was made");
    is_clean(&report, files.len());
}

/// The list of refused sign-ins, full and empty, and the story of one.
#[tokio::test]
async fn the_pages_of_the_administrator_can_be_used_by_everybody() {
    let broker = Settings::new()
        .server(&format!("admin_token = {ADMIN_TOKEN:?}"))
        .client(&AppSettings::new("web"))
        .start();
    let refused = get(&format!("{}/oauth2/authorize?client_id=nobody&response_type=code", broker.url)).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let list = admin(&broker, "/admin/traces?format=text").await;
    let reference = list.split_whitespace().nth(1).expect("one story");

    let folder = TempDir::new();
    let style = admin(&broker, "/assets/admin.css").await;
    std::fs::write(folder.path().join("admin.css"), style).expect("a file");
    let mut files = Vec::new();
    for (name, path) in [
        ("list", "/admin/traces"),
        ("nothing", "/admin/traces?q=nothing"),
        ("story", &format!("/admin/traces/{reference}")),
    ] {
        let file = folder.path().join(format!("{name}.html"));
        let page = admin(&broker, path).await;
        assert!(page.contains("\"/assets/admin.css\""), "{page}");
        std::fs::write(&file, page.replace("/assets/admin.css", "admin.css")).expect("a file");
        files.push(file);
    }
    for theme in ["light", "dark"] {
        is_clean(&axe(&json!({ "files": files, "theme": theme })), files.len());
    }
}

async fn admin(broker: &Broker, path: &str) -> String {
    let request =
        http().get(format!("{}{path}", broker.admin)).bearer_auth(ADMIN_TOKEN).header("accept", "text/html");
    let answer = ask(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[track_caller]
fn is_clean(report: &serde_json::Value, pages: usize) {
    assert_eq!(report.get("looked"), Some(&json!(pages)), "{report:#}");
    for kind in ["findings", "overflows", "unfocusable"] {
        assert_eq!(report.get(kind), Some(&json!([])), "{kind}: {report:#}");
    }
}

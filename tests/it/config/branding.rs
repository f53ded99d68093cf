//! How pages look: everything that is wrong with it at once, with lines.

use symbolon::config::{self, Config, Theme};

fn read(text: &str) -> Result<Config, Vec<String>> {
    let files = |path: &str| match path {
        "logo.svg" => Ok("<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_owned()),
        "evil.svg" => Ok("<svg><SCRIPT>alert(1)</SCRIPT></svg>".to_owned()),
        "own.css" => Ok("h1 { font-style: italic }".to_owned()),
        "pages/sign_in.html" => {
            Ok("{% extends \"symbolon/sign_in.html\" %}{% block help %}<p>Call 123</p>{% endblock %}"
                .to_owned())
        }
        "broken/error.html" => Ok("<p>\n{% if %}".to_owned()),
        _ => Err("no such file".to_owned()),
    };
    let text = format!(
        "[[pool]]\nid = \"eu-west-1_Example01\"\n[[pool.client]]\nid = \"web\"\nredirect_uris = \
         [\"https://a.example/\"]\n{text}"
    );
    config::parse(&text, "symbolon.toml", &[], &files)
        .map_err(|problems| problems.as_slice().iter().map(ToString::to_string).collect())
}

#[test]
fn a_look_of_its_own_is_taken_over() {
    let branding = "[pool.branding]\ntheme = \"light\"\nlogo_file = \"logo.svg\"\ncss_file \
        = \"own.css\"\ntemplates = [\"pages/sign_in.html\"]\n[pool.branding.light]\naccent = \"#b00020\"\n";
    let config = read(branding).unwrap();
    let branding = &config.pools[0].branding;
    let style = branding.style().unwrap();
    assert!(
        style.contains("--accent: light-dark(#b00020, #9db7ff);")
            && style.contains("--on-accent: light-dark(#ffffff, #000000);"),
        "{style}"
    );
    assert!(style.ends_with("h1 { font-style: italic }\n"), "{style}");
    assert_eq!(branding.theme, Theme::Light);
    assert_eq!(branding.templates[0].0, "sign_in.html");
    assert!(branding.logo.is_some());
    assert_eq!(read("").unwrap().pools[0].branding.style(), None);
}

#[test]
fn everything_that_cannot_be_read_or_used_is_said_at_once() {
    let branding = "[pool.branding]\nlogo_file = \"evil.svg\"\ntemplates = \
        [\"broken/error.html\", \"main.html\", \"none/base.html\"]\ncolour = \
        1\n[pool.branding.light]\naccent = \"#ffd700\"\nink = \"black\"\n[pool.branding.dark]\ncard \
        = \"#777777\"\n";
    let problems = read(branding).unwrap_err();
    let lines: Vec<&str> = problems.iter().map(|problem| problem.split(';').next().unwrap()).collect();
    let expected = [
        "symbolon.toml:7: pool[0].branding.logo_file: the logo holds a script",
        "symbolon.toml:8: pool[0].branding.templates[0]: broken/error.html:2: ",
        "symbolon.toml:8: pool[0].branding.templates[1]: no page has a template \"main.html\"",
        "symbolon.toml:8: pool[0].branding.templates[2]: \"none/base.html\" cannot be read: no such file",
        "symbolon.toml:9: pool[0].branding.colour: unknown key",
        "symbolon.toml:11: pool[0].branding.light.accent: accent #ffd700 on card #ffffff has a contrast of \
         1.4, and some people cannot read that",
        "symbolon.toml:12: pool[0].branding.light.ink: \"black\" is no colour",
        "symbolon.toml:14: pool[0].branding.dark.card: ink #f0f0f3 on card #777777 has a contrast of 3.93, \
         and some people cannot read that",
    ];
    for line in expected {
        assert!(lines.iter().any(|have| have.starts_with(line)), "{line}\n{lines:#?}");
    }
}

#[test]
fn a_language_without_texts_is_refused() {
    let problems =
        config::parse("[[pool]]\nid = \"eu-west-1_A1\"\nlanguage = \"nl\"\n", "symbolon.toml", &[], &|_| {
            Err(String::new())
        });
    let problems = problems.unwrap_err().to_string();
    assert!(
        problems.contains("symbolon.toml:3: pool[0].language: there are no texts in \"nl\""),
        "{problems}"
    );
}

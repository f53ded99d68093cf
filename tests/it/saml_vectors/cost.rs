//! C-26: what it costs to refuse a bomb, measured as the time that the processor spent on this thread.

use symbolon::protocol::saml::c14n::exclusive;
use symbolon::protocol::saml::signature::{SignaturePolicy, verify};
use symbolon::protocol::saml::xml::{Document, MAX_MESSAGE};

use super::certificate;

/// As many honest messages as a bomb may cost. The worst, with thousands of IDs, costs 1.3.
const MOST: u64 = 3;

/// Nanoseconds that this thread has spent on the processor; always 0 where the system does not tell.
fn spent() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

/// `unit` for each number below `count`.
fn repeat(count: usize, unit: impl Fn(usize) -> String) -> String {
    (0..count).map(unit).collect::<Vec<_>>().concat()
}

/// `unit` repeated between `before` and `after` up to the limit of a message.
fn fill(before: &str, after: &str, unit: impl Fn(usize) -> String) -> String {
    let mut xml = before.to_owned();
    let mut at = 0;
    while xml.len() + after.len() + 2048 < MAX_MESSAGE {
        xml += &unit(at);
        at += 1;
    }
    xml + after
}

fn bombs() -> Vec<(&'static str, String)> {
    let in_scope = repeat(47, |at| format!(" xmlns:p{at}='u:'"));
    let nine = "&a;".repeat(9);
    vec![
        ("10 MB of text", format!("<a>{}</a>", "x".repeat(10 << 20))),
        ("billion laughs", format!("<!DOCTYPE a [<!ENTITY a \"{nine}\"><!ENTITY b \"{nine}\">]><a>&b;</a>")),
        ("quadratic entities", fill("<a>", "</a>", |_| "&b;".to_owned())),
        ("100,000 levels", "<a>".repeat(100_000)),
        ("100,000 levels in 256 kB", fill("", "", |_| "<a>".to_owned())),
        ("100,000 attributes", format!("<a {}/>", repeat(100_000, |at| format!("a{at}='' ")))),
        ("attributes of one element", fill("<a ", "/>", |at| format!(" a{at}=''"))),
        (
            "attributes of many",
            fill("<a>", "</a>", |_| format!("<a {}/>", repeat(63, |at| format!("a{at}='' ")))),
        ),
        ("10,000 namespaces", fill("<a ", "/>", |at| format!(" xmlns:a{at}='u:{at}'"))),
        ("nested namespaces", fill("", "", |at| format!("<a xmlns:a{at}='u:{at}'>"))),
        (
            "namespaces under many in scope",
            fill(&format!("<r{in_scope}>"), "</r>", |at| format!("<a xmlns:a{at}='u:{at}'/>")),
        ),
        ("elements", fill("<r>", "</r>", |_| "<a>x</a>xxxxxxxxxxxxxxxxxxxxxx".to_owned())),
        ("CDATA sections", fill("<r>", "</r>", |_| "<![CDATA[]]>".to_owned())),
        ("comments", fill("<r>", "</r>", |_| "<!---->".to_owned())),
        ("character references", fill("<r>", "</r>", |_| "&#65;".to_owned())),
        ("IDs", fill("<r>", "</r>", |at| format!("<aaaaaaaaaaaaa ID='{at}'/>"))),
        (
            "10,000 signatures",
            fill("<r ID='r'>", "</r>", |_| {
                "<ds:Signature xmlns:ds='http://www.w3.org/2000/09/xmldsig#'/>".to_owned()
            }),
        ),
        (
            "a long namespace used often",
            fill(&format!("<r xmlns:p='u:{}'>", "x".repeat(1000)), "</r>", |_| {
                "<p:aaaaaaaaaaaaaaaaaaa/>".to_owned()
            }),
        ),
        ("a tag without end", fill("<r ", "", |_| "a ".to_owned())),
        ("comments without end", fill("<r>", "", |_| "<!-- ".to_owned())),
        ("an error on the last line", fill("", "<", |_| "\n".to_owned())),
    ]
}

/// C-26: refusing a bomb costs no more than a few times what an honest message of the same size costs, which is
/// measured beside it: how fast the machine is, and what else it does, says nothing.
#[test]
fn a_bomb_costs_no_more_than_a_few_honest_messages() {
    let keys = [certificate("rsa")];
    let cost = |name: &str, xml: &str| {
        let before = spent();
        if let Ok(document) = Document::parse(xml.as_bytes()) {
            assert!(
                !matches!(verify(document.root(), &keys, SignaturePolicy::default()), Ok(Some(_))),
                "{name}"
            );
        }
        spent() - before
    };
    let honest = fill("<r>", "</r>", |_| "<a>some text of a value</a>".to_owned());
    for (name, xml) in bombs() {
        let ratios = (0..5).map(|_| {
            let (bomb, floor) = (cost(name, &xml), cost("an honest message", &honest));
            100 * bomb / floor.max(1)
        });
        let least = ratios.min().unwrap();
        assert!(least < 100 * MOST, "{name}: {least} % of an honest message");
    }
}

/// C-26: canonical bytes grow with the message, not with its square.
#[test]
fn canonical_bytes_have_a_bound() {
    let xml = fill(&format!("<r xmlns:p='u:{}'>", "x".repeat(1000)), "</r>", |_| {
        "<p:aaaaaaaaaaaaaaaaaaa/>".to_owned()
    });
    let document = Document::parse(xml.as_bytes()).unwrap();
    assert!(exclusive(document.root(), None, &[]).is_err());
    let groups = fill("<r xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>", "</r>", |at| {
        format!(
            "<AttributeValue xsi:type='string'>CN=Group {at} of the whole company, OU=Groups</AttributeValue>"
        )
    });
    let document = Document::parse(groups.as_bytes()).unwrap();
    let canonical = exclusive(document.root(), None, &[]).unwrap();
    assert!(canonical.len() > MAX_MESSAGE);
    Document::parse_canonical(&canonical).unwrap();
}

//! Distinguished names as operators write them ([RFC 4514](https://www.rfc-editor.org/rfc/rfc4514)) and as
//! certificates hold them, for comparison.

use std::fmt;

/// Short names of attribute types: those of RFC 4514 section 3, and those that `openssl` writes.
const SHORT: [(&str, &str); 27] = [
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("SURNAME", "2.5.4.4"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("TITLE", "2.5.4.12"),
    ("DESCRIPTION", "2.5.4.13"),
    ("BUSINESSCATEGORY", "2.5.4.15"),
    ("POSTALCODE", "2.5.4.17"),
    ("NAME", "2.5.4.41"),
    ("GN", "2.5.4.42"),
    ("GIVENNAME", "2.5.4.42"),
    ("INITIALS", "2.5.4.43"),
    ("DNQUALIFIER", "2.5.4.46"),
    ("PSEUDONYM", "2.5.4.65"),
    ("ORGANIZATIONIDENTIFIER", "2.5.4.97"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
    ("JURISDICTIONL", "1.3.6.1.4.1.311.60.2.1.1"),
    ("JURISDICTIONST", "1.3.6.1.4.1.311.60.2.1.2"),
    ("JURISDICTIONC", "1.3.6.1.4.1.311.60.2.1.3"),
];

/// What stands beside an attribute's type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Text(String),
    /// DER of something that is no text.
    Other(Vec<u8>),
}

/// A name: two are equal when they hold the same attributes in the same order, whatever kind of string holds
/// them. Letters count as they are, for an authority may give `App` to one and `app` to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistinguishedName(Vec<Vec<(String, Value)>>);

impl DistinguishedName {
    /// What an operator wrote, last part first; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let (mut parts, mut pairs) = (Vec::new(), Vec::new());
        loop {
            let (kind, after) = rest.split_once('=')?;
            let (value, after) = read_value(after.trim_start_matches(' '))?;
            pairs.push((object_identifier(kind.trim())?, value));
            let mut following = after.chars();
            match following.next() {
                Some('+') => {}
                separator => {
                    parts.push(sorted(std::mem::take(&mut pairs)));
                    if separator.is_none() {
                        return Some(Self(parts));
                    }
                }
            }
            rest = following.as_str();
        }
    }

    /// What a certificate holds: for each relative name, first part first, the type as dotted numbers with
    /// tag and content of the value.
    pub fn of_certificate<'n>(parts: impl Iterator<Item = Vec<(String, u32, &'n [u8])>>) -> Self {
        let pair = |(kind, tag, content): (String, u32, &[u8])| (kind, of_string(tag, content));
        let mut parts: Vec<_> = parts.map(|pairs| sorted(pairs.into_iter().map(pair).collect())).collect();
        parts.reverse();
        Self(parts)
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// As an operator may write it.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            for (index, (kind, value)) in part.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { "+" })?;
                let short =
                    SHORT.iter().find(|(_, oid)| oid == kind).map_or(kind.as_str(), |(short, _)| short);
                match value {
                    Value::Text(text) => write!(f, "{short}={}", escaped(text))?,
                    Value::Other(der) => {
                        write!(f, "{kind}=#")?;
                        der.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn sorted(mut pairs: Vec<(String, Value)>) -> Vec<(String, Value)> {
    pairs.sort();
    pairs
}

fn object_identifier(kind: &str) -> Option<String> {
    if let Some((_, oid)) = SHORT.iter().find(|(short, _)| short.eq_ignore_ascii_case(kind)) {
        return Some((*oid).to_owned());
    }
    let dotted = kind
        .get(..4)
        .filter(|prefix| prefix.eq_ignore_ascii_case("OID."))
        .map_or(kind, |_| kind.get(4..).unwrap_or_default());
    let number = |arc: &str| !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit());
    (dotted.contains('.') && dotted.split('.').all(number)).then(|| dotted.to_owned())
}

/// A value and what follows it, which begins with the separator.
fn read_value(text: &str) -> Option<(Value, &str)> {
    if let Some(hexadecimal) = text.strip_prefix('#') {
        let end = hexadecimal.find([',', '+']).unwrap_or(hexadecimal.len());
        let (digits, rest) = hexadecimal.split_at_checked(end)?;
        return Some((of_der(&bytes_of(digits.trim_end_matches(' '))?)?, rest));
    }
    let mut value = Vec::new();
    // Spaces at the end count only when they are escaped.
    let mut kept = 0;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            ',' | '+' => return finished(value, kept, text.get(at..)?),
            '\\' => {
                let (_, next) = characters.next()?;
                match next.to_digit(16) {
                    Some(high) => {
                        value.push(u8::try_from(high * 16 + characters.next()?.1.to_digit(16)?).ok()?);
                    }
                    None => value.extend(next.to_string().bytes()),
                }
                kept = value.len();
            }
            '"' | ';' | '<' | '>' | '\0' => return None,
            other => {
                value.extend(other.to_string().bytes());
                kept = if other == ' ' { kept } else { value.len() };
            }
        }
    }
    finished(value, kept, "")
}

fn finished(mut value: Vec<u8>, kept: usize, rest: &str) -> Option<(Value, &str)> {
    value.truncate(kept);
    let text = String::from_utf8(value).ok().filter(|text| !text.is_empty())?;
    Some((Value::Text(text), rest))
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = digits
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    digits.chunks(2).map(|pair| <[u8; 2]>::try_from(pair).ok().map(|[high, low]| high * 16 + low)).collect()
}

/// `#hex` of a short string is that string.
fn of_der(der: &[u8]) -> Option<Value> {
    match der {
        [] => None,
        [tag, length, content @ ..] if *length < 0x80 && usize::from(*length) == content.len() => {
            Some(of_string((*tag).into(), content))
        }
        other => Some(Value::Other(other.to_vec())),
    }
}

/// UTF8String, PrintableString and IA5String are text; anything else is compared as it stands.
fn of_string(tag: u32, content: &[u8]) -> Value {
    match (tag, std::str::from_utf8(content)) {
        (12, Ok(text)) => Value::Text(text.to_owned()),
        (19 | 22, Ok(text)) if text.is_ascii() => Value::Text(text.to_owned()),
        _ => Value::Other(
            [
                &[u8::try_from(tag).unwrap_or(u8::MAX), u8::try_from(content.len()).unwrap_or(u8::MAX)],
                content,
            ]
            .concat(),
        ),
    }
}

fn escaped(text: &str) -> String {
    let mut written = String::new();
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        let special = matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=');
        let at_edge = (index == 0 && matches!(character, '#' | ' ')) || (index == last && character == ' ');
        if character.is_ascii_control() {
            written.extend(['\\'].into_iter().chain(format!("{:02x}", u32::from(character)).chars()));
            continue;
        }
        if special || at_edge {
            written.push('\\');
        }
        written.push(character);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DistinguishedName {
        DistinguishedName::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn names_are_compared_part_by_part() {
        for (one, other) in [
            ("CN=app,O=Bank", "cn=app, o=Bank"),
            ("CN=app,O=Bank", "2.5.4.3=app,OID.2.5.4.10=Bank"),
            ("CN=app,O=Bank", "CN = app , O = Bank "),
            ("CN=\\41pp", "CN=App"),
            ("CN=M\\C3\\BCller", "CN=Müller"),
            ("CN=a+OU=b,O=c", "OU=b+CN=a,O=c"),
            ("2.5.4.97=#0c0950534447422d464341", "organizationIdentifier=PSDGB-FCA"),
            ("CN=#1303617070", "CN=app"),
        ] {
            assert_eq!(name(one), name(other), "{one}");
        }
        for other in [
            "CN=app",
            "O=Bank,CN=app",
            "CN=App,O=Bank",
            "CN=app,O=Bank,C=DE",
            "CN=app+O=Bank",
            "CN=app\\,O=Bank",
            "CN=app\\ ,O=Bank",
        ] {
            assert_ne!(name("CN=app,O=Bank"), name(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_name_is_not_read_as_one() {
        for bad in [
            "", "app", "CN=", "CN=a,", "=x", "CN=a\\", "CN=a\\4", "CN=\\ff", "XX=a", "1.=a", "CN=#1", "CN=#",
            "CN=#zz", "CN=a;O=b", "CN=\"a\"",
        ] {
            assert_eq!(DistinguishedName::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_is_written_so_that_it_is_read_again() {
        for text in [
            "CN=app,O=Bank",
            "CN=a\\,b\\+c\\=d,O=\\ x\\ ",
            "CN=\\#1,1.2.3.4=x",
            "CN=a+OU=b,C=DE",
            "CN=\\00",
            "CN=a,1.2.3=#3003020101",
        ] {
            assert_eq!(name(text), name(&name(text).to_string()), "{text}");
        }
    }

    #[test]
    fn a_certificate_s_name_is_the_operator_s_whatever_string_holds_it() {
        let part = |oid: &str, tag, content| vec![(oid.to_owned(), tag, content)];
        for tag in [12, 19, 22] {
            let held = [part("2.5.4.10", tag, &b"Bank"[..]), part("2.5.4.3", 12, b"app")];
            assert_eq!(DistinguishedName::of_certificate(held.into_iter()), name("CN=app,O=Bank"));
        }
        let teletex = [part("2.5.4.3", 20, &b"app"[..])];
        assert_ne!(DistinguishedName::of_certificate(teletex.into_iter()), name("CN=app"));
        assert!(DistinguishedName::of_certificate(std::iter::empty()).is_empty());
    }
}

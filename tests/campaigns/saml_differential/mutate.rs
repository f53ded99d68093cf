//! Mutants of messages from a seed: bytes, tokens and whole elements; most of them broken, some of them the
//! same message in other words.

/// Numbers from a seed (SplitMix64), so that a mutant can be made again.
pub struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// One to three mutations of `message`; `donor` lends elements.
pub fn mutant(message: &[u8], donor: &[u8], draw: &mut Draw) -> Vec<u8> {
    let mut mutant = message.to_vec();
    for _ in 0..=draw.below(3) {
        mutant = match draw.below(10) {
            0 | 1 => bytes(mutant, draw),
            2..=5 => spelling(mutant, draw),
            _ => structure(&mutant, donor, draw),
        };
    }
    mutant
}

fn bytes(mut message: Vec<u8>, draw: &mut Draw) -> Vec<u8> {
    let at = draw.below(message.len());
    let end = (at + draw.below(24)).min(message.len());
    match draw.below(6) {
        _ if message.is_empty() => {}
        0 => message[at] ^= 1 << draw.below(8),
        1 => message[at] = *draw.of(b"<>&\"'/=:#; \n\r\0aA0-!?[]"),
        2 => message.insert(at, *draw.of(b"<>&\"'/=:#; \n\t\0aA0-!?[]")),
        3 => drop(message.drain(at..end)),
        4 => {
            let copy = message[at..end].to_vec();
            let to = draw.below(message.len());
            message.splice(to..to, copy);
        }
        _ => message.truncate(at),
    }
    message
}

/// Tags, and the text between them.
fn tokens(message: &[u8]) -> Vec<&[u8]> {
    let mut tokens = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let tag = rest[0] == b'<';
        let end = rest.iter().skip(1).position(|byte| *byte == if tag { b'>' } else { b'<' });
        let end = end.map_or(rest.len(), |end| end + if tag { 2 } else { 1 });
        let (token, after) = rest.split_at(end);
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// The same in other words, mostly: what a canonical form does not keep, where nothing verbatim is signed.
fn spelling(message: Vec<u8>, draw: &mut Draw) -> Vec<u8> {
    let tokens = tokens(&message);
    let at = draw.below(tokens.len());
    let Ok(token) = std::str::from_utf8(tokens.get(at).copied().unwrap_or_default()) else { return message };
    let tag = token.starts_with('<') && !token.starts_with("</");
    let changed = match draw.below(8) {
        0 => format!("<!-- {} -->{token}", draw.below(1000)),
        1 => format!("{token}<!---->"),
        2 if tag => token.replace('"', "'"),
        3 if token.starts_with('<') => token.replacen('>', " >", 1).replace("/ >", " />"),
        4 if tag => token.replacen("/>", &format!("></{}>", name(token)), 1),
        5 if tag => reversed_attributes(token),
        6 if !token.starts_with('<') => reference(token, draw),
        7 if !token.starts_with('<') => format!("<![CDATA[{token}]]>"),
        6 if tag => token.replacen(' ', "\n\t", 1),
        _ => format!("{token}\n "),
    };
    joined(&tokens, at, changed.as_bytes())
}

/// One character as a reference to it.
fn reference(text: &str, draw: &mut Draw) -> String {
    let at = draw.below(text.chars().count());
    let spell = |(number, character): (usize, char)| {
        if number == at { format!("&#x{:x};", u32::from(character)) } else { character.to_string() }
    };
    text.chars().enumerate().map(spell).collect()
}

fn name(tag: &str) -> &str {
    tag[1..].split([' ', '/', '>', '\n']).next().unwrap_or_default()
}

fn reversed_attributes(tag: &str) -> String {
    let Some((start, rest)) = tag.split_once(' ') else { return tag.to_owned() };
    let (rest, end) = rest
        .trim_end_matches('>')
        .strip_suffix('/')
        .map_or((rest.trim_end_matches('>'), ">"), |rest| (rest, "/>"));
    let mut attributes: Vec<String> = rest
        .split("\" ")
        .map(|attribute| format!("{}\"", attribute.trim_end().trim_end_matches('"')))
        .collect();
    attributes.reverse();
    format!("{start} {}{end}", attributes.join(" "))
}

fn structure(message: &[u8], donor: &[u8], draw: &mut Draw) -> Vec<u8> {
    let all = tokens(message);
    let at = draw.below(all.len());
    match draw.below(9) {
        0 => joined(&all, at, b""),
        1 => moved(&all, element(&all, at), draw.below(all.len()), true),
        2 => moved(&all, element(&all, at), draw.below(all.len()), false),
        3 => {
            let others = tokens(donor);
            let from = draw.below(others.len());
            let lent = others[element(&others, from)].concat();
            moved_in(&all, at, &lent)
        }
        4 => {
            let range = element(&all, at);
            [all[..range.start].concat(), all[range.end..].concat()].concat()
        }
        5 => joined(&all, at, b"<?x y?>"),
        6 => renamed(message, draw),
        7 => swapped(&all, at, draw),
        _ => moved_in(&all, at, draw.of(&NOISE).as_bytes()),
    }
}

const NOISE: [&str; 8] = [
    "<samlp:Extensions xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>",
    "<saml:Advice xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"/>",
    "<x ID=\"_a1\"/>",
    "<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>",
    "<samlp:StatusDetail xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"><x/></samlp:StatusDetail>",
    "<samlp:StatusMessage xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\">m</samlp:StatusMessage>",
    "admin",
    "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">admin</saml:NameID>",
];

/// The tokens of the element that starts at `at`, or the one token there.
fn element(tokens: &[&[u8]], at: usize) -> std::ops::Range<usize> {
    let mut depth = 0;
    for (number, token) in tokens.iter().enumerate().skip(at) {
        if token.starts_with(b"</") {
            depth -= 1;
        } else if token.starts_with(b"<") && !token.starts_with(b"<!") && !token.ends_with(b"/>") {
            depth += 1;
        }
        if depth <= 0 {
            return at..number + 1;
        }
    }
    at..tokens.len()
}

fn moved(tokens: &[&[u8]], range: std::ops::Range<usize>, to: usize, copy: bool) -> Vec<u8> {
    let piece = tokens[range.clone()].concat();
    let mut all: Vec<&[u8]> = tokens.to_vec();
    if !copy {
        all[range].fill(b"");
    }
    moved_in(&all, to, &piece)
}

fn moved_in(tokens: &[&[u8]], at: usize, piece: &[u8]) -> Vec<u8> {
    [&tokens[..at].concat(), piece, &tokens[at..].concat()].concat()
}

fn joined(tokens: &[&[u8]], at: usize, instead: &[u8]) -> Vec<u8> {
    [&tokens[..at].concat(), instead, &tokens.get(at + 1..).unwrap_or_default().concat()].concat()
}

/// An identifier, a namespace or a name that becomes another.
fn renamed(message: &[u8], draw: &mut Draw) -> Vec<u8> {
    const NAMES: [&str; 14] = [
        "_a1",
        "_r1",
        "_q1",
        "ana",
        "ID=",
        "saml:",
        "samlp:",
        "ds:",
        "urn:oasis:names:tc:SAML:2.0:assertion",
        "Assertion",
        "Signature",
        "NameID",
        "xml-exc-c14n#",
        "sha256",
    ];
    let text = String::from_utf8_lossy(message);
    let (old, new) = (*draw.of(&NAMES), *draw.of(&NAMES));
    if draw.below(2) == 0 {
        text.replace(old, new).into_bytes()
    } else {
        text.replacen(old, new, 1).into_bytes()
    }
}

fn swapped(tokens: &[&[u8]], at: usize, draw: &mut Draw) -> Vec<u8> {
    let first = element(tokens, at);
    let second = element(tokens, draw.below(tokens.len()));
    if first.end > second.start {
        return moved(tokens, first, second.start, false);
    }
    let parts = [
        &tokens[..first.start],
        &tokens[second.clone()],
        &tokens[first.end..second.start],
        &tokens[first],
        &tokens[second.end..],
    ];
    parts.iter().map(|part| part.concat()).collect::<Vec<_>>().concat()
}

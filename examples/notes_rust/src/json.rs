//! As much of JSON (RFC 8259) as notes need.

use std::fmt::Write;

/// The most arrays and objects within each other.
const MAX_DEPTH: u32 = 128;

/// A string as JSON has it.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            // Writing to a String does not fail.
            '\0'..='\x1f' => drop(write!(out, "\\u{:04x}", character as u32)),
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// The member `text` of an object, if the content is one and the member is a string.
pub fn text(content: &[u8]) -> Option<String> {
    let mut parser = Parser { rest: std::str::from_utf8(content).ok()? };
    parser.skip_space();
    let mut text = None;
    parser.object(0, |key, value| {
        if key == "text" {
            text = value;
        }
    })?;
    parser.skip_space();
    text.filter(|_| parser.rest.is_empty())
}

/// What is left to be read. Each function returns `None` where the grammar is broken.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
    }

    fn skips(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn token(&mut self, token: &str) -> Option<()> {
        Some(()).filter(|_| self.skips(token))
    }

    /// A value, which is returned if it is a string.
    fn value(&mut self, depth: u32) -> Option<Option<String>> {
        self.skip_space();
        match self.rest.bytes().next()? {
            b'"' => return self.string().map(Some),
            b'{' => self.object(depth + 1, |_, _| ())?,
            b'[' => self.array(depth + 1)?,
            b't' => self.token("true")?,
            b'f' => self.token("false")?,
            b'n' => self.token("null")?,
            _ => self.number()?,
        }
        Some(None)
    }

    fn object(&mut self, depth: u32, mut member: impl FnMut(String, Option<String>)) -> Option<()> {
        self.token("{")?;
        self.list(depth, "}", |parser| {
            parser.skip_space();
            let key = parser.string()?;
            parser.skip_space();
            parser.token(":")?;
            let value = parser.value(depth)?;
            member(key, value);
            Some(())
        })
    }

    fn array(&mut self, depth: u32) -> Option<()> {
        self.token("[")?;
        self.list(depth, "]", |parser| parser.value(depth).map(drop))
    }

    /// Items with commas between them, up to the end.
    fn list(&mut self, depth: u32, end: &str, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_space();
        if self.skips(end) {
            return Some(());
        }
        loop {
            item(self)?;
            self.skip_space();
            if self.skips(end) {
                return Some(());
            }
            self.token(",")?;
        }
    }

    fn number(&mut self) -> Option<()> {
        self.skips("-");
        if !self.skips("0") {
            self.digits()?;
        }
        if self.skips(".") {
            self.digits()?;
        }
        if self.skips("e") || self.skips("E") {
            let _has_sign = self.skips("+") || self.skips("-");
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let has_some = rest.len() < self.rest.len();
        self.rest = rest;
        Some(()).filter(|_| has_some)
    }

    fn string(&mut self) -> Option<String> {
        self.token("\"")?;
        let mut text = String::new();
        loop {
            let mut characters = self.rest.chars();
            let character = characters.next()?;
            self.rest = characters.as_str();
            match character {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                '\0'..='\x1f' => return None,
                _ => text.push(character),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let character = self.rest.chars().next().filter(char::is_ascii)?;
        self.rest = &self.rest[1..];
        Some(match character {
            '"' | '\\' | '/' => character,
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                match first {
                    // The first half of a pair of surrogates: the second follows.
                    0xd800..=0xdbff => {
                        self.token("\\u")?;
                        let second = self.unit().filter(|second| (0xdc00..=0xdfff).contains(second))?;
                        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?
                    }
                    _ => char::from_u32(first)?,
                }
            }
            _ => return None,
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        self.rest = &self.rest[4..];
        u32::from_str_radix(digits, 16).ok()
    }
}

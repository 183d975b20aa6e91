//! What the client of a mock host has received.

use super::OwnedField;
use crate::bytes::as_bytes;
use crate::field::{fields_of, value_of, Field};
use crate::sys::testing as raw;

/// The progress or the end of a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// It has not ended.
    Open,
    /// The plugin's response is complete.
    Complete,
    /// The server has sent its own page: 413, 500, 503 or 504.
    Page,
    /// The response is cut off after its head.
    Cut,
    /// The exchange has ended without a final response.
    None,
}

/// An informational response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// 103, for early hints.
    pub status: u32,
    /// The fields.
    pub fields: Vec<OwnedField>,
}

/// A response, as far as the client has received it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// Whether it has ended, and how.
    pub ending: Ending,
    /// The status of the final head; 0 before it.
    pub status: u32,
    /// The plugin's fields, and content-length if the host adds it.
    pub fields: Vec<OwnedField>,
    /// The content.
    pub body: Vec<u8>,
    /// The trailer fields that were sent.
    pub trailers: Vec<OwnedField>,
    /// The informational responses before the final one.
    pub informational: Vec<Section>,
}

impl Response {
    /// The value of the first field of that name, in any case, as text.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| std::str::from_utf8(value).expect("a value in UTF-8"))
    }

    /// The content as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("content in UTF-8")
    }

    /// # Safety
    /// The response is what the mock has returned, and no function of it has been called since.
    pub(super) unsafe fn new(response: *const raw::outrider_mock_response) -> Response {
        let response = &*response;
        let sections: &[raw::outrider_mock_section] = match response.n_informational {
            0 => &[],
            n => std::slice::from_raw_parts(response.informational, n),
        };
        Response {
            ending: match response.ending {
                raw::OPEN => Ending::Open,
                raw::COMPLETE => Ending::Complete,
                raw::PAGE => Ending::Page,
                raw::CUT => Ending::Cut,
                _ => Ending::None,
            },
            status: response.status,
            fields: owned(fields_of(response.fields, response.n_fields)),
            body: as_bytes(response.body).to_vec(),
            trailers: owned(fields_of(response.trailers, response.n_trailers)),
            informational: sections
                .iter()
                .map(|section| Section {
                    status: section.status,
                    fields: owned(fields_of(section.fields, section.n_fields)),
                })
                .collect(),
        }
    }
}

fn owned(fields: &[Field<'_>]) -> Vec<OwnedField> {
    fields.iter().map(|field| (String::from_utf8_lossy(field.name()).into_owned(), field.value().to_vec())).collect()
}

impl Section {
    /// The value of the first field of that name, in any case, as text.
    pub fn field(&self, name: &str) -> Option<String> {
        let fields: Vec<_> = self.fields.iter().map(|(name, value)| Field::of_bytes(name, value)).collect();
        value_of(&fields, name).map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

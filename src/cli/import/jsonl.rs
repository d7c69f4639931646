//! JSON Lines: an object in each line. A line that cannot be read is refused alone.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::import_row::{ImportRow, ROW_MAX, ReadError, RowPlace, parse_utf8};
use crate::auth::{RawUser, RowFault};

const BYTE_ORDER_MARK: char = '\u{feff}';

pub(super) struct JsonlReader {
    file: PathBuf,
    input: BufReader<File>,
    reached: u64,
    row: u64,
    line: u64,
}

impl JsonlReader {
    pub(super) fn open(file: &Path) -> Result<(Self, u64), ReadError> {
        let failed = |source| ReadError::File {
            file: file.to_owned(),
            source,
        };
        let input = File::open(file).map_err(failed)?;
        let bytes = input.metadata().map_err(failed)?.len();
        let lines = Self {
            file: file.to_owned(),
            input: BufReader::new(input),
            reached: 0,
            row: 0,
            line: 0,
        };
        Ok((lines, bytes))
    }

    /// How many bytes were read.
    pub(super) fn reached(&self) -> u64 {
        self.reached
    }

    /// The next row. Blank lines are none.
    pub(super) fn next(&mut self) -> Result<Option<ImportRow>, ReadError> {
        loop {
            let Some(line) = self.line().map_err(|source| ReadError::File {
                file: self.file.clone(),
                source,
            })?
            else {
                return Ok(None);
            };
            self.line += 1;
            let raw = line.and_then(|line| {
                let line = parse_utf8(&line)?;
                let line = line
                    .strip_prefix(BYTE_ORDER_MARK)
                    .unwrap_or(line)
                    .trim_ascii();
                (!line.is_empty()).then(|| parse(line)).transpose()
            });
            if let Some(raw) = raw.transpose() {
                self.row += 1;
                let place = RowPlace::Line {
                    row: self.row,
                    line: self.line,
                };
                return Ok(Some(ImportRow { place, raw }));
            }
        }
    }

    /// Reads a line. Of one that is too long no more than the limit is in memory.
    fn line(&mut self) -> io::Result<Option<Result<Vec<u8>, RowFault>>> {
        let mut line = Vec::new();
        let limit = ROW_MAX as u64 + 1;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut line)?;
        self.reached += read as u64;
        if read == 0 {
            return Ok(None);
        }
        if line.len() > ROW_MAX && line.last() != Some(&b'\n') {
            self.reached += self.input.skip_until(b'\n')? as u64;
            return Ok(Some(Err(too_long())));
        }
        Ok(Some(Ok(line)))
    }
}

fn too_long() -> RowFault {
    RowFault::Unreadable(format!("is longer than {ROW_MAX} bytes"))
}

/// What serde says of a syntax repeats nothing of the text; what it says of a type would.
fn parse(line: &str) -> Result<RawUser, RowFault> {
    let fault = |why: String| RowFault::Unreadable(why);
    if !line.starts_with('{') {
        return Err(fault("is no JSON object".to_owned()));
    }
    let object: Object = serde_json::from_str(line).map_err(|error| {
        let why = error.to_string();
        // The line is the file's, not the parser's.
        fault(format!(
            "is no JSON object of fields: {}",
            why.replace(" at line 1 column", " at column")
        ))
    })?;
    Ok(object.0)
}

struct Object(RawUser);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor).map(Self)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = RawUser;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    /// What nobody knows is a mistake, not something to lose in silence.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawUser, A::Error> {
        let mut user = RawUser::default();
        let mut named = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let Some(field) = user.field(&name) else {
                let known = RawUser::FIELDS.join(", ");
                return Err(A::Error::custom(format!("a field is none of {known}")));
            };
            *field = map.next_value::<Scalar>()?.0;
            if named.contains(&name) {
                return Err(A::Error::custom("a field is there twice"));
            }
            named.push(name);
        }
        Ok(user)
    }
}

/// A value as text; `null` is as if it were not there.
struct Scalar(Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor).map(Self)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Some(flag.to_string()))
    }

    /// No field is a number: any text that is none will do.
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Err(A::Error::custom("a field is a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Err(A::Error::custom("a field is an object"))
    }
}

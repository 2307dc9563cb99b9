//! Page headers, in Thrift's compact protocol: the fields that are checked, or that decoding needs.

use crate::part::file::PartFile;

/// Bytes of a page header that are read at first; more if that is not enough.
const HEADER: usize = 256;
/// The largest page header: it may carry the extremes of its page.
const LARGEST_HEADER: usize = 16 << 20;
/// How deep values may nest in a page header, by the format itself: its statistics are at level 3.
const DEEPEST: u32 = 8;

pub(super) const DATA_PAGE: i64 = 0;
pub(super) const DICTIONARY_PAGE: i64 = 2;
pub(super) const DATA_PAGE_V2: i64 = 3;

/// The fields of a page header that are checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) kind: i64,
    pub(super) uncompressed: Option<u64>,
    pub(super) compressed: Option<u64>,
    /// Where `compressed` is in the header's bytes.
    pub(super) place_of_compressed: (usize, usize),
    /// What the header for its kind of pages says.
    pub(super) of_kind: OfKind,
}

/// The fields of the header for one kind of pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct OfKind {
    /// How many values it has.
    pub(super) values: Option<u64>,
    /// How they are encoded.
    pub(super) encoding: Option<i64>,
    /// In a data page of the first version: how definition and repetition levels are encoded.
    pub(super) levels: [Option<i64>; 2],
}

/// Reads the page header at `at`, before `end`. Returns it and its length.
pub(super) fn read_header(file: &PartFile, at: u64, end: u64) -> Result<(PageHeader, u64), String> {
    let there = usize::try_from(end - at).unwrap_or(usize::MAX).min(LARGEST_HEADER);
    let mut length = there.min(HEADER);
    loop {
        let bytes = file.read_at(at, length).map_err(|error| error.to_string())?;
        match parse_header(&bytes) {
            Ok((header, length)) => return Ok((header, length as u64)),
            Err(Malformed::Short) if length < there => length = there.min(length.saturating_mul(8)),
            Err(_) => return Err("a page header is damaged".to_owned()),
        }
    }
}

pub(super) fn parse_header(bytes: &[u8]) -> Result<(PageHeader, usize), Malformed> {
    let mut thrift = Thrift { bytes, at: 0 };
    let mut header = PageHeader { kind: -1, ..PageHeader::default() };
    // Of the headers for kinds of pages only that of the page's kind counts, and the kind may come after it.
    let mut kinds = [(DATA_PAGE, None), (DICTIONARY_PAGE, None), (DATA_PAGE_V2, None)];
    thrift.read_struct(|thrift, id, ty| {
        match id {
            1 => header.kind = thrift.number(ty)?,
            2 => header.uncompressed = u64::try_from(thrift.number(ty)?).ok(),
            3 => {
                let at = thrift.at;
                header.compressed = u64::try_from(thrift.number(ty)?).ok();
                header.place_of_compressed = (at, thrift.at);
            }
            4 => drop(thrift.number(ty)?),
            5 => kinds[0].1 = Some(thrift.page_of_kind(ty, 2, 4)?),
            7 => kinds[1].1 = Some(thrift.page_of_kind(ty, 2, 2)?),
            8 => kinds[2].1 = Some(thrift.page_of_kind(ty, 4, 6)?),
            _ => thrift.skip(ty, DEEPEST)?,
        }
        Ok(())
    })?;
    let of_kind = kinds.iter().find(|(kind, _)| *kind == header.kind).and_then(|(_, found)| *found);
    header.of_kind = of_kind.unwrap_or_default();
    Ok((header, thrift.at))
}

/// Appends the header whose bytes are `bytes` to `to`, with `size` in place of the compressed size.
pub(super) fn write_resized(bytes: &[u8], header: &PageHeader, size: i32, to: &mut Vec<u8>) {
    let (start, end) = header.place_of_compressed;
    to.extend_from_slice(bytes.get(..start).unwrap_or_default());
    let mut number = ((size << 1) ^ (size >> 31)).cast_unsigned();
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
    to.extend_from_slice(bytes.get(end..).unwrap_or_default());
}

/// Why bytes are not a page header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// They end too early.
    Short,
    /// They are something else.
    Wrong,
}

/// The type of a field in Thrift's compact protocol, as far as it is read or skipped here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Boolean,
    Byte,
    Integer,
    Double,
    Binary,
    List,
    Struct,
}

struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Thrift<'_> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = self.bytes.get(self.at).copied().ok_or(Malformed::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, length: u64) -> Result<(), Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed::Wrong)?;
        let end = self.at.checked_add(length).ok_or(Malformed::Wrong)?;
        if end > LARGEST_HEADER {
            return Err(Malformed::Wrong);
        }
        self.at = end;
        if end > self.bytes.len() { Err(Malformed::Short) } else { Ok(()) }
    }

    fn unsigned(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed::Wrong)
    }

    fn integer(&mut self) -> Result<i64, Malformed> {
        let value = self.unsigned()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// Reads a 32-bit number. Another type, or a larger number, is an error: a decoder that goes by the field's place
    /// alone would read something else.
    fn number(&mut self, ty: Type) -> Result<i64, Malformed> {
        match ty {
            Type::Integer => i32::try_from(self.integer()?).map(i64::from).map_err(|_| Malformed::Wrong),
            _ => Err(Malformed::Wrong),
        }
    }

    /// Reads the header for one kind of pages: how many values there are, and their encoding, which is in field
    /// `encoding`. Its fields up to `numbers` are numbers; then come flags, and the page's statistics.
    fn page_of_kind(&mut self, ty: Type, encoding: i64, numbers: i64) -> Result<OfKind, Malformed> {
        if ty != Type::Struct {
            return Err(Malformed::Wrong);
        }
        let mut found = OfKind::default();
        let [definition, repetition] = &mut found.levels;
        self.read_struct(|thrift, id, ty| match (id, ty) {
            (1, _) => thrift.number(ty).map(|count| found.values = u64::try_from(count).ok()),
            (id, _) if id == encoding => thrift.number(ty).map(|word| found.encoding = Some(word)),
            (3, _) if numbers == 4 => thrift.number(ty).map(|word| *definition = Some(word)),
            (4, _) if numbers == 4 => thrift.number(ty).map(|word| *repetition = Some(word)),
            (id, _) if id <= numbers => thrift.number(ty).map(drop),
            (_, Type::Struct) => thrift.statistics(),
            _ => thrift.skip(ty, DEEPEST),
        })?;
        Ok(found)
    }

    fn statistics(&mut self) -> Result<(), Malformed> {
        self.read_struct(|thrift, id, ty| match (id, ty) {
            (1 | 2 | 5 | 6, Type::Binary) | (3 | 4, Type::Integer) | (7 | 8, Type::Boolean) | (9.., _) => {
                thrift.skip(ty, DEEPEST)
            }
            _ => Err(Malformed::Wrong),
        })
    }

    /// Calls `field` with the number and the type of each field of a struct; `field` reads or skips it.
    fn read_struct(
        &mut self,
        mut field: impl FnMut(&mut Self, i64, Type) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let mut id: i64 = 0;
        loop {
            let byte = self.byte()?;
            if byte == 0 {
                return Ok(());
            }
            id = match byte >> 4 {
                0 => self.integer()?,
                step => id.checked_add(i64::from(step)).ok_or(Malformed::Wrong)?,
            };
            field(self, id, Type::of(byte & 0x0f)?)?;
        }
    }

    fn skip(&mut self, ty: Type, depth: u32) -> Result<(), Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed::Wrong)?;
        match ty {
            // Its value is part of its type.
            Type::Boolean => Ok(()),
            Type::Byte => self.pass(1),
            Type::Integer => self.unsigned().map(drop),
            Type::Double => self.pass(8),
            Type::Binary => {
                let length = self.unsigned()?;
                self.pass(length)
            }
            Type::Struct => self.read_struct(|thrift, _, ty| thrift.skip(ty, depth)),
            Type::List => {
                let byte = self.byte()?;
                let count = match byte >> 4 {
                    15 => self.unsigned()?,
                    count => u64::from(count),
                };
                let ty = match Type::of(byte & 0x0f)? {
                    // In a list each one has a byte of its own.
                    Type::Boolean => Type::Byte,
                    other => other,
                };
                // Every item takes a byte at least, so this ends where the bytes do.
                (0..count).try_for_each(|_| self.skip(ty, depth))
            }
        }
    }
}

impl Type {
    fn of(word: u8) -> Result<Self, Malformed> {
        Ok(match word {
            1 | 2 => Self::Boolean,
            3 => Self::Byte,
            4..=6 => Self::Integer,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            12 => Self::Struct,
            _ => return Err(Malformed::Wrong),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number as Thrift writes it.
    fn varint(number: i64) -> Vec<u8> {
        let mut number = ((number << 1) ^ (number >> 63)).cast_unsigned();
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    fn numbers(numbers: &[i64]) -> Vec<u8> {
        numbers.iter().flat_map(|number| [vec![0x15], varint(*number)].concat()).collect()
    }

    fn data_page(sizes: [i64; 2], values: i64, encoding: i64, statistics: &[u8]) -> Vec<u8> {
        let inner = [numbers(&[values, encoding, 3, 3]), statistics.to_vec()].concat();
        [numbers(&[DATA_PAGE, sizes[0], sizes[1]]), vec![0x2c], inner, vec![0, 0]].concat()
    }

    fn parse(bytes: &[u8]) -> Result<PageHeader, Malformed> {
        parse_header(bytes).map(|(header, _)| header)
    }

    #[test]
    fn a_header_is_read_whatever_else_it_carries() {
        let expected = PageHeader {
            kind: DATA_PAGE,
            uncompressed: Some(800),
            compressed: Some(90),
            place_of_compressed: (6, 8),
            of_kind: OfKind { values: Some(100), encoding: Some(8), levels: [Some(3), Some(3)] },
        };
        // The extremes of the page, a number of nulls, a flag; and what later versions may add.
        let statistics = [0x1c, 0x18, 2, b'a', b'b', 0x26, 4, 0x28, 0, 0x21, 0x2c, 0, 0];
        for extra in [&[][..], &statistics, &[0x99, 0x2c, 0x15, 2, 0, 0], &[0x97, 1, 2, 3, 4, 5, 6, 7, 8]] {
            let bytes = data_page([800, 90], 100, 8, extra);
            assert_eq!(parse_header(&bytes), Ok((expected.clone(), bytes.len())), "{extra:?}");
            for length in 0..bytes.len() {
                assert_eq!(parse(&bytes[..length]), Err(Malformed::Short), "{extra:?}, {length} bytes");
            }
        }
    }

    #[test]
    fn a_header_that_another_decoder_could_take_for_something_else_is_none() {
        let plain = [numbers(&[DATA_PAGE, 8, 8]), vec![0x2c], numbers(&[1, 0, 3, 3]), vec![0, 0]].concat();
        assert!(parse(&plain).is_ok());
        let cases = [
            // A size that is text, or a number of more than 32 bits.
            [numbers(&[DATA_PAGE]), vec![0x18, 1, 8], numbers(&[8]), vec![0]].concat(),
            [numbers(&[DATA_PAGE, 1 << 32, 8]), vec![0]].concat(),
            // A number that never ends.
            [vec![0x15], vec![0xff; 40]].concat(),
            // A header for data pages that is a number, or has a text for a count.
            [numbers(&[DATA_PAGE, 8, 8]), vec![0x25, 2, 0]].concat(),
            [numbers(&[DATA_PAGE, 8, 8]), vec![0x2c, 0x18, 1, 8, 0, 0]].concat(),
            // Extremes that are numbers.
            data_page([8, 8], 1, 0, &[0x1c, 0x15, 2, 0]),
            // A type that does not exist.
            vec![0x1f, 0],
            // A list within a list, and so on.
            [numbers(&[DATA_PAGE, 8, 8]), vec![0x99], vec![0x19; 100]].concat(),
        ];
        for bytes in cases {
            assert_eq!(parse(&bytes), Err(Malformed::Wrong), "{bytes:?}");
        }
    }

    #[test]
    fn of_two_headers_for_one_kind_the_last_counts_as_it_does_for_the_decoder() {
        let kind = |values| [vec![0x0c, 0x0a], numbers(&[values, 0, 3, 3]), vec![0]].concat();
        let bytes = [numbers(&[DATA_PAGE, 8, 8]), kind(1), kind(7), vec![0]].concat();
        assert_eq!(parse(&bytes).unwrap().of_kind.values, Some(7));
        // The kind may come again after them.
        let bytes =
            [numbers(&[DATA_PAGE, 8, 8]), kind(1), vec![0x05, 2], varint(DICTIONARY_PAGE), vec![0]].concat();
        assert_eq!(parse(&bytes).unwrap().of_kind.values, None);
    }
}

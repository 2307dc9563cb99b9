//! Writes the partitions of a manifest: a line for each part.
//!
//! Indented key by key, the entry of a part takes twice the space, and a checkpoint of a long run is nothing but such
//! entries. On a line of its own each is as easy to find, for users and for tools that compare lines.

use jiff::Timestamp;

use super::state::{Part, Partition, TableState};
use super::view::PartitionMeta;
use crate::paths::{BucketId, PartId};
use crate::stamp;

/// The approximate size of a part's entry and its checksum.
const ROOM: usize = 184;

/// Writes the value of `partitions`, a map that is indented by one step.
pub(super) fn write(state: &TableState, text: &mut Vec<u8>) {
    if state.partitions().is_empty() {
        text.extend_from_slice(b"{}");
        return;
    }
    text.reserve(state.part_count() as usize * ROOM);
    let mut before: &[u8] = b"{";
    for (bucket, partition) in state.partitions() {
        text.extend_from_slice(before);
        write_partition(*bucket, partition, text);
        before = b",";
    }
    text.extend_from_slice(b"\n  }");
}

fn write_partition(bucket: BucketId, partition: &Partition, text: &mut Vec<u8>) {
    let ticks = partition.ticks();
    text.extend_from_slice(b"\n    \"");
    text.extend_from_slice(bucket.key().as_bytes());
    text.extend_from_slice(b"\": {\n      \"bucket_id\": ");
    number(bucket.get(), text);
    text.extend_from_slice(b",\n      \"state\": \"");
    text.extend_from_slice(PartitionMeta::READY.as_bytes());
    text.extend_from_slice(b"\",\n      \"tick_min\": ");
    tick(ticks.map_or(0, |ticks| ticks.min), text);
    text.extend_from_slice(b",\n      \"tick_max\": ");
    tick(ticks.map_or(0, |ticks| ticks.max), text);
    text.extend_from_slice(b",\n      \"row_count\": ");
    number(partition.rows(), text);
    text.extend_from_slice(b",\n      \"byte_size\": ");
    number(partition.bytes(), text);
    text.extend_from_slice(b",\n      \"parts\": [");
    list(partition.parts().iter(), b"\n        ", text, write_part);
    text.extend_from_slice(b"\n      ],\n      \"parts_crc32c\": [");
    list(partition.parts().iter(), b"", text, |part, text| match part.crc32c {
        Some(sum) => {
            text.push(b'"');
            hex(&sum.to_be_bytes(), text);
            text.push(b'"');
        }
        None => text.extend_from_slice(b"null"),
    });
    text.push(b']');
    if partition.parts().iter().any(|part| part.provisional) {
        text.extend_from_slice(b",\n      \"provisional\": [");
        let provisional = partition.parts().iter().filter(|part| part.provisional);
        list(provisional, b"\n        ", text, |part, text| name(part.id, text));
        text.extend_from_slice(b"\n      ]");
    }
    text.extend_from_slice(b"\n    }");
}

fn write_part(part: &Part, text: &mut Vec<u8>) {
    text.extend_from_slice(b"{\"path\":");
    name(part.id, text);
    text.extend_from_slice(b",\"rows\":");
    number(part.rows, text);
    text.extend_from_slice(b",\"bytes\":");
    number(part.bytes, text);
    text.extend_from_slice(b",\"tick_min\":");
    tick(part.ticks.min, text);
    text.extend_from_slice(b",\"tick_max\":");
    tick(part.ticks.max, text);
    text.extend_from_slice(b",\"created_at\":\"");
    time(part.created_at, text);
    text.extend_from_slice(b"\"}");
}

/// Writes items with commas between, each after `indent`.
fn list<T>(
    items: impl Iterator<Item = T>,
    indent: &[u8],
    text: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    for (at, item) in items.enumerate() {
        if at > 0 {
            text.push(b',');
        }
        text.extend_from_slice(indent);
        write(item, text);
    }
}

fn name(id: PartId, text: &mut Vec<u8>) {
    text.extend_from_slice(b"\"part-");
    hex(&id.get().to_be_bytes(), text);
    text.extend_from_slice(b".parquet\"");
}

fn hex(bytes: &[u8], text: &mut Vec<u8>) {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

fn number(mut number: u64, text: &mut Vec<u8>) {
    let from = text.len();
    loop {
        text.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = text.get_mut(from..) {
        digits.reverse();
    }
}

fn tick(tick: i64, text: &mut Vec<u8>) {
    if tick < 0 {
        text.push(b'-');
    }
    number(tick.unsigned_abs(), text);
}

fn time(time: Timestamp, text: &mut Vec<u8>) {
    text.extend_from_slice(stamp::text(time).as_bytes());
}

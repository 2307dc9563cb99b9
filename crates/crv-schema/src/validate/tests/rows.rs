//! The rules on values.

use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, ListArray, StringArray, StringViewArray};
use arrow_schema::{DataType, Field};
use crv_core::grammar::RepresentationEdgeKind;
use crv_core::tables::{
    EXCHANGE_DESC, IDENTITY_EDGES_DESC, ORACLE_CALLS_DESC, SCENARIOS_SEEN_DESC, TableDescriptor,
};

use crate::frame::Frame;
use crate::schema::TableSchema;
use crate::testing::frames::{empty_structs, frame, ints, texts};
use crate::validate::{PrepareOptions, ValidationError, prepare};

fn checked(descriptor: &TableDescriptor, frame: &Frame) -> Result<(), ValidationError> {
    let options = PrepareOptions { validate_rows: true, ..PrepareOptions::default() };
    prepare(&descriptor.into(), frame, &options, &TableSchema::of(descriptor)).map(|_| ())
}

fn refusal(descriptor: &TableDescriptor, frame: &Frame) -> String {
    let unchecked =
        prepare(&descriptor.into(), frame, &PrepareOptions::default(), &TableSchema::of(descriptor));
    assert!(unchecked.is_ok(), "values are only checked with `validate_rows`");
    checked(descriptor, frame).unwrap_err().to_string()
}

fn edges(kinds: ArrayRef, slots: Vec<(&str, ArrayRef)>) -> Frame {
    let rows = kinds.len();
    let mut columns = vec![
        ("tick", ints(&vec![1; rows])),
        ("observer_agent_id", texts(&vec!["a"; rows])),
        ("edge_kind", kinds),
        ("edge_weight", ints(&vec![1; rows])),
    ];
    columns.extend(slots);
    frame(columns)
}

fn words(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn edge_kinds_are_exact() {
    let frame = edges(texts(&["self_to_positive_valence", "Self_To_Object", "likes"]), vec![]);
    assert!(
        refusal(&IDENTITY_EDGES_DESC, &frame)
            .starts_with("`edge_kind` must be one of self_to_positive_valence, ")
    );
    assert!(
        refusal(&IDENTITY_EDGES_DESC, &frame)
            .ends_with(": 2 rows do not, first row 1: edge_kind = \"Self_To_Object\"")
    );
}

#[test]
fn each_edge_kind_needs_its_slots_present_and_not_empty() {
    for kind in RepresentationEdgeKind::ALL {
        let slot = |name: &'static str, value: &'static str| {
            (name, texts(&[if kind.required_slots().contains(&name) { value } else { "" }]))
        };
        let all = |value| {
            let names = ["subject_id", "object_id", "related_agent_id", "token_id"];
            names.map(|name| slot(name, value)).to_vec()
        };
        assert_eq!(checked(&IDENTITY_EDGES_DESC, &edges(texts(&[kind.as_str()]), all("x"))), Ok(()));
        for missing in kind.required_slots() {
            let mut slots = all("x");
            slots.retain(|(name, _)| name != missing);
            let error = refusal(&IDENTITY_EDGES_DESC, &edges(texts(&[kind.as_str()]), slots));
            let start = format!(
                "`edge_kind` {kind} requires fields {}: 1 row does not, first row 0: ",
                kind.required_slots().join(", ")
            );
            assert!(error.starts_with(&start), "{error}");
            assert!(error.contains(&format!("{missing} = null")), "{error}");
        }
    }
}

#[test]
fn rows_without_their_slots_are_counted_over_kinds_layouts_and_batches() {
    let kinds = ["agent_to_object", "self_to_agent", "agent_to_object", "self_to_agent"];
    let layouts: [ArrayRef; 3] = [
        texts(&kinds),
        Arc::new(StringViewArray::from(kinds.to_vec())),
        Arc::new(kinds.into_iter().collect::<DictionaryArray<UInt32Type>>()),
    ];
    for layout in layouts {
        let one = edges(
            layout,
            vec![
                ("subject_id", texts(&["s", "s", "s", "s"])),
                ("token_id", words(&[Some("t"), None, Some(""), None])),
                ("object_id", words(&[None, Some("o"), None, None])),
            ],
        );
        let batch = &one.batches()[0];
        let two = Frame::new(batch.schema(), vec![batch.clone(), batch.clone()]).unwrap();
        assert_eq!(
            refusal(&IDENTITY_EDGES_DESC, &two),
            "`edge_kind` agent_to_object requires fields subject_id, token_id: 4 rows do not, first row 2: \
             edge_kind = \"agent_to_object\", subject_id = \"s\", token_id = \"\""
        );
    }
}

#[test]
fn event_types_and_sides_are_canonical() {
    let events = |kind: &str, side: Option<&str>| {
        frame(vec![
            ("tick", ints(&[1])),
            ("venue_id", texts(&["v"])),
            ("token_id", texts(&["t"])),
            ("exchange_event_type", texts(&[kind])),
            ("side", words(&[side])),
            ("additional_payload", empty_structs(1)),
        ])
    };
    assert_eq!(checked(&EXCHANGE_DESC, &events("trade", Some("buy"))), Ok(()));
    assert_eq!(checked(&EXCHANGE_DESC, &events("gift", None)), Ok(()));
    assert!(
        refusal(&EXCHANGE_DESC, &events("TRADE", None))
            .starts_with("`exchange_event_type` must be one of trade,")
    );
    assert_eq!(
        refusal(&EXCHANGE_DESC, &events("trade", Some("Buy"))),
        "`side` must be one of buy, sell: 1 row does not, first row 0: side = \"Buy\""
    );
}

#[test]
fn visibility_is_canonical() {
    let scenario = |scope: Option<&str>| {
        let pairs = ListArray::new_null(Arc::new(Field::new("item", DataType::Null, true)), 1);
        let pairs = ListArray::new(
            Arc::new(Field::new("item", DataType::Null, true)),
            pairs.offsets().clone(),
            pairs.values().clone(),
            None,
        );
        frame(vec![
            ("tick", ints(&[1])),
            ("observer_agent_id", texts(&["a"])),
            ("visibility_scope", words(&[scope])),
            ("salient_agent_pairs", Arc::new(pairs)),
            ("exchange_snapshot", empty_structs(1)),
            ("context_hash", texts(&["h"])),
        ])
    };
    assert_eq!(checked(&SCENARIOS_SEEN_DESC, &scenario(None)), Ok(()));
    assert_eq!(checked(&SCENARIOS_SEEN_DESC, &scenario(Some("room"))), Ok(()));
    assert_eq!(
        refusal(&SCENARIOS_SEEN_DESC, &scenario(Some("Public"))),
        "`visibility_scope` must be one of public, group, room, dm: 1 row does not, first row 0: \
         visibility_scope = \"Public\""
    );
}

#[test]
fn flags_are_zero_or_one() {
    let text = texts(&["x", "x", "x"]);
    let mut columns: Vec<(&str, ArrayRef)> = [
        "agent_id",
        "engine",
        "signature_id",
        "persona_id",
        "persona_hash",
        "representation_hash",
        "context_hash",
        "value_json",
    ]
    .map(|name| (name, text.clone()))
    .to_vec();
    columns.extend(["tick", "latency_ms", "n_tool_calls"].map(|name| (name, ints(&[1, 1, 1]))));
    columns.push(("tool_seq", empty_structs(3)));
    columns.push(("cache_hit", ints(&[0, 2, -1])));
    assert_eq!(
        refusal(&ORACLE_CALLS_DESC, &frame(columns.clone())),
        "`cache_hit` must be 0 or 1: 2 rows do not, first row 1: cache_hit = 2"
    );
    columns.pop();
    columns.push(("cache_hit", Arc::new(arrow_array::BooleanArray::from(vec![true, false, true]))));
    assert_eq!(checked(&ORACLE_CALLS_DESC, &frame(columns)), Ok(()));
}

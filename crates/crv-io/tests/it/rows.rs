//! Typed rows, appended to the table that they belong to and read back.

use crv_core::schema::{ExchangeRow, HoldingsRow, TableRow};
use crv_io::Frame;
use crv_io::rows::rows_from_frame;

use crate::support::Root;

fn scanned<R: TableRow>(dataset: &crv_io::Dataset) -> Vec<R> {
    let scan = dataset.scan(R::TABLE).unwrap();
    let schema = scan.schema();
    let batches = scan.batches().collect::<Result<Vec<_>, _>>().unwrap();
    rows_from_frame(&Frame::new(schema, batches).unwrap()).unwrap()
}

fn events(texts: &[&str]) -> Vec<ExchangeRow> {
    let event = |text: &&str| {
        let start = r#""venue_id": "V0", "token_id": "T0", "exchange_event_type": "trade""#;
        serde_json::from_str(&format!("{{{start}, {text}}}")).unwrap()
    };
    texts.iter().map(event).collect()
}

#[test]
fn rows_come_back_from_disk_with_payloads_that_differ_from_append_to_append() {
    let root = Root::new();
    let dataset = root.open();
    let first = events(&[r#""tick": 0, "side": "Buy""#, r#""tick": 1, "additional_payload": {"note": "x"}"#]);
    let second = events(&[r#""tick": 150, "additional_payload": {"sizes": [1, 2], "inner": {}}"#]);
    assert_eq!(dataset.append_rows(&first).unwrap().rows, 2);
    dataset.append_rows(&second).unwrap();
    assert_eq!(scanned::<ExchangeRow>(&dataset), [first, second].concat());
}

#[test]
fn a_transaction_takes_rows_of_several_tables() {
    let root = Root::new();
    let dataset = root.open();
    let holding =
        HoldingsRow { tick: 3.try_into().unwrap(), agent_id: "A".into(), token_id: "T".into(), quantity: 2 };
    let mut transaction = dataset.transaction();
    transaction.append_rows(std::slice::from_ref(&holding)).unwrap();
    transaction.append_rows(&events(&[r#""tick": 3"#])).unwrap();
    transaction.append_rows::<HoldingsRow>(&[]).unwrap();
    transaction.commit().unwrap();
    assert_eq!(scanned::<HoldingsRow>(&dataset), [holding]);
    assert_eq!(scanned::<ExchangeRow>(&dataset).len(), 1);
}

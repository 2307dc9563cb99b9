//! The models: defaults, refusals, normalisation, and conversion to cells and back.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::grammar::{RepresentationEdgeKind, TableName};
use crate::tables::get_table;

fn refusal<M: Model>(value: &Value) -> String {
    serde_json::from_value::<M>(value.clone()).unwrap_err().to_string()
}

fn with(smallest: &str, changes: &Value) -> Value {
    let mut value: Value = serde_json::from_str(smallest).unwrap();
    for (name, change) in changes.as_object().unwrap() {
        value[name] = change.clone();
    }
    value
}

fn check_smallest<M: Model>() {
    let smallest: Value = serde_json::from_str(M::SMALLEST).unwrap();
    assert!(serde_json::from_value::<M>(smallest.clone()).is_ok(), "{}", M::NAME);
    for field in smallest.as_object().unwrap().keys() {
        let mut without = smallest.clone();
        without.as_object_mut().unwrap().remove(field);
        assert!(refusal::<M>(&without).contains(&format!("missing field `{field}`")), "{}.{field}", M::NAME);
    }
    let more = with(M::SMALLEST, &json!({"surprise": 1}));
    assert!(refusal::<M>(&more).contains("unknown field `surprise`"), "{}", M::NAME);
}

fn check_row<R: TableRow>() {
    check_smallest::<R>();
    let columns: Vec<&str> = get_table(R::TABLE).columns()[1..].iter().map(|column| column.name).collect();
    assert_eq!(R::FIELDS, columns);
    let info = ModelInfo::of::<R>();
    for (column, (name, default)) in get_table(R::TABLE).columns()[1..].iter().zip(info.fields) {
        let payload = column.dtype.is_payload();
        match default {
            Some(default) => assert!(
                (default.is_null() && !column.required) || (payload && column.required),
                "{name}: {default}"
            ),
            None => assert!(column.required, "{name}"),
        }
    }
    let row: R = serde_json::from_str(R::SMALLEST).unwrap();
    assert_eq!(R::from_cells(row.to_cells()).unwrap(), row);
}

#[test]
fn every_model_has_its_required_fields_and_no_others() {
    check_smallest::<Utterance>();
    check_smallest::<Interpretation>();
    check_smallest::<AppraisalVector>();
    check_smallest::<GraphEdit>();
    check_smallest::<RepresentationPatch>();
    check_smallest::<ActionCandidate>();
    check_smallest::<DecisionHead>();
    check_smallest::<ScenarioContext>();
    check_smallest::<Persona>();
    check_smallest::<AffectState>();
    check_smallest::<EventEnvelopeRow>();
}

#[test]
fn rows_have_the_columns_of_their_table_without_bucket() {
    check_row::<MessageRow>();
    check_row::<ExchangeRow>();
    check_row::<IdentityEdgeRow>();
    check_row::<ScenarioRow>();
    check_row::<DecisionRow>();
    check_row::<OracleCallRow>();
    check_row::<HoldingsRow>();
    check_row::<HoldingsValuationRow>();
}

#[test]
fn defaults_are_the_contracts() {
    let default = |model: &str, field: &str| {
        let info = models().into_iter().find(|info| info.name == model).unwrap();
        info.fields.into_iter().find(|(name, _)| *name == field).unwrap().1
    };
    assert_eq!(default("AffectState", "valence"), Some(json!(0.5)));
    assert_eq!(default("AffectState", "stress"), Some(json!(0.0)));
    assert_eq!(default("DecisionHead", "abstain"), Some(json!(false)));
    assert_eq!(default("Utterance", "claims"), Some(json!([])));
    assert_eq!(default("Utterance", "style"), Some(json!({})));
    assert_eq!(default("Interpretation", "salience"), None);
    assert_eq!(default("MessageRow", "audience"), Some(json!({})));
    assert_eq!(default("ScenarioRow", "salient_agent_pairs"), Some(json!([])));
    assert_eq!(default("DecisionRow", "chosen_action"), None);
    assert_eq!(default("OracleCallRow", "tool_seq"), None);
}

#[test]
fn labels_are_normalised_and_kinds_are_exact() {
    let row: ExchangeRow =
        serde_json::from_value(with(ExchangeRow::SMALLEST, &json!({"side": "SeLL"}))).unwrap();
    assert_eq!(serde_json::to_value(&row).unwrap()["side"], "sell");
    let row: MessageRow =
        serde_json::from_value(with(MessageRow::SMALLEST, &json!({"visibility_scope": "Room"}))).unwrap();
    assert_eq!(serde_json::to_value(&row).unwrap()["visibility_scope"], "room");
    let changes = json!({"envelope_kind": "ACTION", "status": "Rejected"});
    let row: EventEnvelopeRow = serde_json::from_value(with(EventEnvelopeRow::SMALLEST, &changes)).unwrap();
    assert_eq!((row.envelope_kind, row.status), (EnvelopeKind::Action, EnvelopeStatus::Rejected));

    let refused = with(ExchangeRow::SMALLEST, &json!({"side": "hold"}));
    assert!(refusal::<ExchangeRow>(&refused).contains("unknown side `hold`: expected one of buy, sell"));
    let refused = with(ExchangeRow::SMALLEST, &json!({"exchange_event_type": "Trade"}));
    assert!(refusal::<ExchangeRow>(&refused).contains("unknown exchange kind `Trade`"));
    let refused = with(ActionCandidate::SMALLEST, &json!({"action_type": "GIFT_TOKEN"}));
    assert!(refusal::<ActionCandidate>(&refused).contains("unknown action kind"));
    let refused = with(GraphEdit::SMALLEST, &json!({"edge_kind": "Self_To_Object"}));
    assert!(refusal::<GraphEdit>(&refused).contains("unknown edge kind"));
    let refused = with(GraphEdit::SMALLEST, &json!({"operation": "set_identity_edge_weight_o2o"}));
    assert!(refusal::<GraphEdit>(&refused).contains("is an older name"));
    let refused = with(GraphEdit::SMALLEST, &json!({"decay_lambda": 1.01}));
    assert!(refusal::<GraphEdit>(&refused).contains("must lie in [0, 1], got 1.01"));
}

#[test]
fn a_cache_hit_is_a_bool_in_the_model_and_0_or_1_in_the_table() {
    let row: OracleCallRow =
        serde_json::from_value(with(OracleCallRow::SMALLEST, &json!({"cache_hit": 1}))).unwrap();
    assert!(row.cache_hit);
    let at = OracleCallRow::FIELDS.iter().position(|field| *field == "cache_hit").unwrap();
    let mut cells = row.to_cells();
    assert_eq!(cells[at], Cell::Int(1));
    cells[at] = Cell::Int(2);
    let refused = OracleCallRow::from_cells(cells).unwrap_err();
    assert_eq!(refused.to_string(), "`cache_hit` must be 0 or 1, got 2");
    assert!(refusal::<OracleCallRow>(&with(OracleCallRow::SMALLEST, &json!({"cache_hit": 2}))).len() > 10);
}

#[test]
fn cells_of_the_wrong_kind_are_refused_with_their_column() {
    let row: HoldingsRow = serde_json::from_str(HoldingsRow::SMALLEST).unwrap();
    let mut cells = row.to_cells();
    cells[3] = Cell::Float(1.5);
    assert_eq!(
        HoldingsRow::from_cells(cells).unwrap_err().to_string(),
        "`quantity` must be an integer, got a float"
    );
    assert_eq!(
        HoldingsRow::from_cells(vec![]).unwrap_err().to_string(),
        "`tick` must be an integer, got null"
    );
}

#[test]
fn integers_become_floats_only_where_that_is_exact() {
    let row: ExchangeRow = serde_json::from_str(ExchangeRow::SMALLEST).unwrap();
    let mut cells = row.to_cells();
    cells[5] = Cell::Int(3);
    assert_eq!(ExchangeRow::from_cells(cells.clone()).unwrap().quantity, Some(3.0));
    cells[5] = Cell::Int((1 << 53) + 1);
    assert!(ExchangeRow::from_cells(cells).is_err());
}

proptest! {
    #[test]
    fn the_unit_interval_is_closed_and_has_no_nan(value in prop::num::f64::ANY) {
        prop_assert_eq!(UnitInterval::new("x", value).is_ok(), (0.0..=1.0).contains(&value));
    }

    #[test]
    fn a_kind_of_edge_takes_a_row_exactly_if_its_slots_are_filled(
        kind in prop::sample::select(RepresentationEdgeKind::ALL),
        slots in prop::array::uniform4(prop::option::of("[ab]?")),
    ) {
        let texts = slots.each_ref().map(Option::as_deref);
        let expected = kind.required_slots().iter().all(|slot| {
            let at = EDGE_SLOTS.iter().position(|name| name == slot).unwrap();
            texts[at].is_some_and(|text| !text.is_empty())
        });
        prop_assert_eq!(check_edge_slots(kind, texts).is_ok(), expected);
        let mut cells = vec![Cell::Int(0), Cell::Text("A0".into()), Cell::Text(kind.to_string())];
        cells.extend(texts.map(|text| text.map_or(Cell::Null, |text| Cell::Text(text.into()))));
        cells.push(Cell::Float(f64::INFINITY));
        let row = IdentityEdgeRow::from_cells(cells.clone());
        prop_assert_eq!(row.is_ok(), expected);
        if let Ok(row) = row {
            cells.push(Cell::Null);
            prop_assert_eq!(row.to_cells(), cells);
        } else {
            let text = row.unwrap_err().to_string();
            prop_assert!(text.contains("requires fields"), "{}", text);
        }
    }
}

#[test]
fn ticks_of_rows_are_zero_or_more() {
    let refused = with(HoldingsRow::SMALLEST, &json!({"tick": -1}));
    assert!(refusal::<HoldingsRow>(&refused).contains("`tick` must be 0 or more, got -1"));
}

#[test]
fn slots_are_columns_of_identity_edges_in_their_order() {
    let columns = get_table(TableName::IdentityEdges).columns().iter().map(|column| column.name);
    let slots: Vec<&str> = columns.filter(|name| EDGE_SLOTS.contains(name)).collect();
    assert_eq!(slots, EDGE_SLOTS);
}

/// The text of a float is read as that float, also where a fast parser is off by one bit.
#[test]
fn floats_of_rows_are_read_from_json_exactly() {
    for text in ["0.9291695470355357", "5e-324", "1.7976931348623157e308", "0.1"] {
        let weight: Value = serde_json::from_str(text).unwrap();
        let document = with(IdentityEdgeRow::SMALLEST, &json!({"edge_weight": weight})).to_string();
        let row: IdentityEdgeRow = serde_json::from_str(&document).unwrap();
        assert_eq!(row.edge_weight.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{document}");
    }
}

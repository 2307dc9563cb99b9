//! The rules of all vocabularies, and the contract's values, literally.

use proptest::prelude::*;

use super::*;
use crate::error::GrammarError;

fn values(info: EnumInfo) -> String {
    info.members.iter().map(|(_, value)| *value).collect::<Vec<_>>().join(" ")
}

#[test]
fn values_and_order_are_the_contracts() {
    assert_eq!(
        values(ActionKind::INFO),
        "acquire_token relinquish_token relate_agent relate_other_agents endorse_token \
         coendorse_token_with_agents expose_signal_about_token declare_cooccurrence_between_tokens \
         propose_peer_exchange accept_peer_exchange reject_peer_exchange settle_peer_exchange \
         post_order_to_venue cancel_order_at_venue settle_trade_from_venue swap_at_venue cast_vote_at_venue \
         publish_vote_outcome_from_venue gift_token send_chat_message publish_announcement"
    );
    assert_eq!(values(ChannelType::INFO), "public group room dm");
    assert_eq!(values(Visibility::INFO), "public group room dm");
    assert_eq!(
        values(PatchOp::INFO),
        "set_identity_edge_weight adjust_identity_edge_weight decay_identity_edges remove_identity_edge"
    );
    assert_eq!(
        values(RepresentationEdgeKind::INFO),
        "self_to_positive_valence self_to_negative_valence self_to_object self_to_agent \
         agent_to_positive_valence agent_to_negative_valence agent_to_object agent_to_agent \
         agent_pair_to_object object_to_positive_valence object_to_negative_valence object_to_object"
    );
    assert_eq!(values(TopologyEdgeKind::INFO), "is_neighbor follows in_group connects_room");
    assert_eq!(
        values(ExchangeKind::INFO),
        "trade order_post order_cancel swap gift peer_offer peer_accept peer_reject cast_vote vote_outcome"
    );
    assert_eq!(
        values(TableName::INFO),
        "exchange identity_edges scenarios_seen messages decisions oracle_calls holdings holdings_valuation"
    );
}

#[test]
fn member_names_are_the_values_in_upper_case_but_for_two() {
    let odd: Vec<_> = ENUMS
        .iter()
        .flat_map(|info| info.members)
        .filter(|(member, value)| *member != value.to_uppercase())
        .copied()
        .collect();
    assert_eq!(
        odd,
        [
            ("DECLARE_COOCCURRENCE", "declare_cooccurrence_between_tokens"),
            ("PUBLISH_VOTE_OUTCOME", "publish_vote_outcome_from_venue"),
        ]
    );
}

fn keeps_the_rules<V: Vocabulary + ::serde::Serialize + ::serde::de::DeserializeOwned>(info: EnumInfo) {
    assert!(info.name.ends_with(char::is_alphanumeric));
    assert_eq!(V::ALL.len(), V::VALUES.len());
    assert!(V::ALL.is_sorted(), "members are compared in declaration order");
    for (member, (name, value)) in V::ALL.iter().zip(info.members) {
        assert_eq!((member.member_name(), member.as_str()), (*name, *value));
        assert_eq!(member.to_string(), *value);
        assert_eq!(value.parse::<V>().as_ref(), Ok(member));
        let json = serde_json::to_string(member).unwrap();
        assert_eq!(json, format!("\"{value}\""));
        assert_eq!(&serde_json::from_str::<V>(&json).unwrap(), member);
        assert_eq!(V::parse_ignoring_case(&value.to_uppercase()).as_ref(), Ok(member));
        for refused in [value.to_uppercase(), format!(" {value}"), format!("{value}\n"), format!("{value}_")]
        {
            assert!(refused.parse::<V>().is_err(), "{refused:?}");
            assert!(serde_json::from_value::<V>(refused.into()).is_err());
        }
    }
}

#[test]
fn every_vocabulary_parses_strictly_and_prints_what_it_parses() {
    keeps_the_rules::<ActionKind>(ActionKind::INFO);
    keeps_the_rules::<ChannelType>(ChannelType::INFO);
    keeps_the_rules::<Visibility>(Visibility::INFO);
    keeps_the_rules::<PatchOp>(PatchOp::INFO);
    keeps_the_rules::<RepresentationEdgeKind>(RepresentationEdgeKind::INFO);
    keeps_the_rules::<TopologyEdgeKind>(TopologyEdgeKind::INFO);
    keeps_the_rules::<ExchangeKind>(ExchangeKind::INFO);
    keeps_the_rules::<TableName>(TableName::INFO);
}

#[test]
fn an_unknown_value_is_named_with_the_allowed_ones_and_the_nearest() {
    let error = "identity_edge".parse::<TableName>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown table name `identity_edge`: expected one of exchange, identity_edges, scenarios_seen, messages, \
         decisions, oracle_calls, holdings, holdings_valuation\nhint: did you mean `identity_edges`?"
    );
    let far = "zzzzzzzz".parse::<TableName>().unwrap_err();
    assert!(matches!(far, GrammarError::UnknownValue { suggestion: None, .. }));
    let case = "Exchange".parse::<TableName>().unwrap_err();
    assert!(matches!(case, GrammarError::UnknownValue { suggestion: Some("exchange"), .. }));
}

#[test]
fn a_value_that_is_not_lower_snake_is_named_with_its_enum() {
    let bad = EnumInfo { name: "Bad", members: &[("FINE", "fine"), ("NOT_FINE", "Not_fine")] };
    let error = ensure_all_enum_values_lower_snake(&[bad]).unwrap_err();
    assert!(error.to_string().starts_with("Bad.NOT_FINE must be lower_snake, got `Not_fine`"));
    ensure_all_enum_values_lower_snake(&ENUMS).unwrap();
}

#[test]
fn required_slots_are_columns_of_identity_edges_in_table_order() {
    let table = crate::tables::get_table(TableName::IdentityEdges);
    for kind in RepresentationEdgeKind::ALL {
        let places: Vec<_> = kind.required_slots().iter().map(|slot| table.index_of(slot)).collect();
        // `related_agent_id` is between `subject_id` and `token_id`, in the table and in the rule.
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{kind}: {places:?}");
    }
    let count =
        |slot| RepresentationEdgeKind::ALL.iter().filter(|k| k.required_slots().contains(&slot)).count();
    assert_eq!(
        (count("subject_id"), count("object_id"), count("related_agent_id"), count("token_id")),
        (8, 3, 1, 5)
    );
}

proptest! {
    #[test]
    fn lower_snake_is_groups_joined_by_single_underscores(text in "[a-z0-9]{1,4}(_[a-z0-9]{1,4}){0,4}") {
        prop_assert!(is_lower_snake(&text));
        for refused in [format!("_{text}"), format!("{text}_"), format!("{text}__a"), text.to_uppercase() + "A"] {
            prop_assert!(!is_lower_snake(&refused), "{}", refused);
        }
    }

    #[test]
    fn no_text_makes_parsing_panic(text in any::<String>()) {
        let known = TableName::VALUES.contains(&text.as_str());
        prop_assert_eq!(text.parse::<TableName>().is_ok(), known);
    }

    #[test]
    fn action_keys_do_not_depend_on_the_order_of_parameters(
        params in proptest::collection::btree_map("[a-z]{1,6}", "[a-z]{0,6}", 0..6)
    ) {
        let forward = canonical_action_key(ActionKind::GiftToken, params.clone());
        let backward = canonical_action_key(ActionKind::GiftToken, params.into_iter().rev());
        prop_assert_eq!(forward, backward);
    }
}

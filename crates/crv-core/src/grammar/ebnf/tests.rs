//! The grammar against the contract, and the parser against valid and invalid texts.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::parser::MAX_DEPTH;
use super::*;
use crate::grammar::{ActionKind, PatchOp};

/// Each action with its arguments, in the order of the kinds; `[ ]` marks optional arguments.
const ACTIONS: &str = "\
    acquire_token(agent_id, token_id, [quantity], [mode])
    relinquish_token(agent_id, token_id, [quantity])
    relate_agent(source_agent_id, target_agent_id, relation_polarity)
    relate_other_agents(speaker_agent_id, subject_agent_id, object_agent_id, relation_polarity)
    endorse_token(speaker_agent_id, audience, token_id, endorsement_polarity)
    coendorse_token_with_agents(speaker_agent_id, audience, agent_a_id, agent_b_id, token_id, endorsement_polarity)
    expose_signal_about_token(speaker_agent_id, audience, token_id, signal_polarity)
    declare_cooccurrence_between_tokens(token_a_id, token_b_id)
    propose_peer_exchange(proposer_agent_id, counterparty_agent_id, give_map, want_map, [price], [ttl])
    accept_peer_exchange(counterparty_agent_id, proposal_id)
    reject_peer_exchange(counterparty_agent_id, proposal_id)
    settle_peer_exchange(proposal_id, legs)
    post_order_to_venue(agent_id, venue_id, token_id, side, quantity, limit_price, ttl)
    cancel_order_at_venue(agent_id, venue_id, order_id)
    settle_trade_from_venue(venue_id, token_id, price, quantity, taker_agent_id, maker_agent_id, side)
    swap_at_venue(agent_id, venue_id, input_token_id, input_quantity, output_token_id, minimum_output_quantity)
    cast_vote_at_venue(agent_id, venue_id, token_id, stance_label, stance_value)
    publish_vote_outcome_from_venue(venue_id, token_id, baseline_value)
    gift_token(from_agent_id, to_agent_id, token_id, quantity)
    send_chat_message(sender_agent_id, channel, visibility, utterance)
    publish_announcement(sender_agent_id, channel, payload)";

/// The edits of a patch, in the order of the operations.
const EDITS: &str = "\
    set_identity_edge_weight(edge_kind, subject_id, [object_id], new_weight)
    adjust_identity_edge_weight(edge_kind, subject_id, [object_id], delta_weight)
    decay_identity_edges(edge_kind, scope_selector, decay_lambda)
    remove_identity_edge(edge_kind, subject_id, [object_id])";

const ENVELOPE: &str =
    "observation_envelope(actor_agent_id, observer_agent_id, channel, visibility, payload, delivery_delay)";

/// The arguments that are numbers.
const NUMBERS: &str = "quantity price limit_price input_quantity minimum_output_quantity stance_value baseline_value \
     ttl delivery_delay new_weight delta_weight decay_lambda";

const WORDS: &str =
    "Ident Number String string_character string_unescaped escape_sequence character letter digit";

fn grammar() -> &'static ParsedGrammar<'static> {
    parsed_grammar().unwrap()
}

/// A definition on one line, as it is written.
fn expression(name: &str) -> String {
    grammar().production(name).unwrap().expression.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn signatures() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    ACTIONS.lines().chain(EDITS.lines()).chain([ENVELOPE]).map(|line| {
        let (name, arguments) = line.trim().strip_suffix(')').unwrap().split_once('(').unwrap();
        (name, arguments.split(", ").collect())
    })
}

fn error(source: &str) -> String {
    ParsedGrammar::parse(source).unwrap_err().to_string()
}

#[test]
fn every_action_edit_and_envelope_has_exactly_the_arguments_of_the_contract() {
    for (name, arguments) in signatures() {
        let written = |argument: &&str| match argument.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            Some(optional) => format!(" [ \",\", {optional} ]"),
            None => format!(" \",\", {argument}"),
        };
        let expected: Vec<_> = arguments.iter().map(written).collect();
        // There is no comma before the first argument.
        let expected = expected.join(",").replacen("\",\", ", "", 1);
        assert_eq!(expression(name), format!("\"{name}\", \"(\",{expected}, \")\""));
    }
}

#[test]
fn the_choices_list_their_vocabularies_by_name_and_by_terminal() {
    for (name, values, table) in
        [("action_request", ActionKind::VALUES, ACTIONS), ("patch_edit", PatchOp::VALUES, EDITS)]
    {
        let production = grammar().production(name).unwrap();
        assert_eq!(production.alternatives, values);
        assert_eq!(production.leading_terminals, values);
        assert_eq!(grammar().lower_snake_terminals(name).unwrap(), values);
        let named: Vec<_> = table.lines().map(|line| line.trim().split('(').next().unwrap()).collect();
        assert_eq!(named, values);
    }
    assert_eq!(expression("representation_patch"), r#""[", patch_edit, { ",", patch_edit }, "]""#);
}

#[test]
fn every_argument_is_a_production_of_the_right_kind() {
    let numbers: BTreeSet<_> = NUMBERS.split_whitespace().collect();
    let arguments: BTreeSet<_> = signatures()
        .flat_map(|(_, arguments)| arguments)
        .map(|argument| argument.trim_matches(['[', ']']))
        .collect();
    assert!(numbers.is_subset(&arguments));
    for argument in &arguments {
        let kind = match *argument {
            "payload" => "String | Ident",
            "utterance" => "String",
            name if numbers.contains(name) => "Number",
            _ => "Ident",
        };
        assert_eq!(expression(argument), kind, "{argument}");
    }
    // And the grammar has no other productions.
    let others = WORDS.split_whitespace().chain(START_PRODUCTIONS).chain(["patch_edit"]);
    let known: BTreeSet<_> = signatures().map(|(name, _)| name).chain(arguments).chain(others).collect();
    assert_eq!(grammar().productions().iter().map(|it| it.name).collect::<BTreeSet<_>>(), known);
}

#[test]
fn words_are_made_of_letters_digits_and_characters() {
    let letters: String = grammar().production("letter").unwrap().leading_terminals.concat();
    assert_eq!(letters, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    assert_eq!(grammar().production("digit").unwrap().leading_terminals.concat(), "0123456789");
    assert_eq!(grammar().production("escape_sequence").unwrap().leading_terminals, ["\\"]);
    assert_eq!(grammar().production("String").unwrap().leading_terminals, ["\""]);
    assert_eq!(
        grammar().production("string_character").unwrap().alternatives,
        ["string_unescaped", "escape_sequence"]
    );
    assert_eq!(expression("string_unescaped"), r#"character - ( '"' | "\" )"#);
    assert!(grammar().production("character").unwrap().leading_terminals.is_empty());
}

#[test]
fn a_grammar_that_lists_other_values_is_refused_at_the_place_that_differs() {
    let refused = |from: &str, to: &str| {
        assert!(EBNF_GRAMMAR.contains(from), "{from}");
        load_grammar(&EBNF_GRAMMAR.replacen(from, to, 1)).unwrap_err().to_string()
    };
    let swapped = refused("| gift_token\n  | send_chat_message", "| send_chat_message\n  | gift_token");
    let line = 1 + EBNF_GRAMMAR.lines().position(|line| line == "  | gift_token").unwrap();
    assert_eq!(
        swapped,
        format!(
            "line {line}, column 5 of the grammar: expected alternative `gift_token`, found `send_chat_message`\n\
             hint: `action_request` lists the values of ActionKind, in their order"
        )
    );
    let short = refused("  | remove_identity_edge ;", "  ;");
    assert!(short.contains("alternative `remove_identity_edge` is missing from `patch_edit`"), "{short}");
    let long = refused("  | remove_identity_edge ;", "  | remove_identity_edge | legs ;");
    assert!(long.contains("unexpected alternative `legs`"), "{long}");
    let renamed = refused("= \"decay_identity_edges\"", "= \"decay\"");
    assert!(renamed.contains("must begin with the terminal \"decay_identity_edges\""), "{renamed}");
    let unused = refused("digit\n  =", "sign = \"+\" ;\ndigit\n  =");
    assert!(unused.contains("production `sign` is unreachable"), "{unused}");
    let undefined = refused("utterance = String", "utterance = Text");
    assert!(undefined.contains("column 13 of the grammar: production `Text` is not defined"), "{undefined}");
    assert_eq!(
        load_grammar("action_request = \"a\" ;").unwrap_err().to_string(),
        "the grammar has no production `observation_envelope`"
    );
}

#[test]
fn the_whole_notation_is_read() {
    let grammar = ParsedGrammar::parse(
        "(* one (* within *) another, and it's fine *)\r\n\
         a = 2 * b, [ \"x\" ] / (: 'y\"' :) ! (/ c /) - \"d\" | , ? anything; at = all ? | (b) | ((\"e\"), b) | 0 * \"f\" .\n\
         b = ( \"g\" | \"h\" ) , ; c = b - c ;d=(* nothing *);e = 'e', a;",
    )
    .unwrap();
    let a = grammar.production("a").unwrap();
    assert_eq!(
        a.alternatives,
        [
            "2 * b, [ \"x\" ]",
            "(: 'y\"' :)",
            "(/ c /) - \"d\"",
            ", ? anything; at = all ?",
            "(b)",
            "((\"e\"), b)",
            "0 * \"f\""
        ]
    );
    assert_eq!(a.leading_terminals, ["e"]);
    assert_eq!(grammar.production("b").unwrap().expression, "( \"g\" | \"h\" ) ,");
    assert_eq!(grammar.production("d").unwrap().alternatives, [""]);
    assert_eq!(grammar.production("e").unwrap().leading_terminals, ["e"]);
    let error = grammar.lower_snake_terminals("z").unwrap_err();
    assert_eq!(error.to_string(), "the grammar has no production `z`");
}

#[test]
fn leading_terminals_are_found_through_names_and_not_in_circles() {
    let grammar = ParsedGrammar::parse(
        "a = b | c | d | \"go\" | 2 * (\"go\") | \"Go\" - \"g\" | e; b = c; c = \"go\"; d = e; e = d; f = f;",
    )
    .unwrap();
    assert_eq!(grammar.production("a").unwrap().leading_terminals, ["go", "go", "go", "go", "Go"]);
    assert_eq!(grammar.lower_snake_terminals("a").unwrap(), ["go"]);
    assert!(grammar.production("f").unwrap().leading_terminals.is_empty());
    // A chain as long as the grammar is not a cycle.
    let chain: Vec<_> = (0..500).map(|n| format!("x{n} = x{} ;", n + 1)).collect();
    let chain = chain.join(" ") + " x500 = \"end\" ;";
    let grammar = ParsedGrammar::parse(&chain).unwrap();
    assert_eq!(grammar.production("x0").unwrap().leading_terminals, ["end"]);
}

#[test]
fn what_is_no_grammar_is_refused_with_its_place() {
    for (source, expected) in [
        ("", "line 1, column 1 of the grammar: expected the name of a production, found the end of the text"),
        (
            " (* only *)\n",
            "line 2, column 1 of the grammar: expected the name of a production, found the end of",
        ),
        ("a = b c ;", "line 1, column 7 of the grammar: expected `,`, `|` or `;`, found `c`"),
        ("a = \"é\",\n  \"ü\" = ;", "line 2, column 7 of the grammar: expected `,`, `|` or `;`, found `=`"),
        ("a = [ \"b\" ) ;", "line 1, column 11 of the grammar: expected `,`, `|` or `]`, found `)`"),
        ("a = { \"b\" ;", "line 1, column 11 of the grammar: expected `,`, `|` or `}`, found `;`"),
        (
            "a = ( \"b\"",
            "line 1, column 10 of the grammar: expected `,`, `|` or `)`, found the end of the text",
        ),
        ("a \"b\" ;", "line 1, column 3 of the grammar: expected `=`, found `\"b\"`"),
        ("a = 2 \"b\" ;", "column 7 of the grammar: expected `*` after the number, found `\"b\"`"),
        ("a = 99999999999 * \"b\" ;", "column 5 of the grammar: the number `99999999999` is too large"),
        (
            "a = \"b ;\n\" ;",
            "column 5 of the grammar: this terminal is not closed on its line: expected `\"`",
        ),
        ("a = ? b ;", "this special sequence is not closed on its line: expected `?`"),
        ("a = '' ;", "column 5 of the grammar: a terminal cannot be empty"),
        ("a = (* (* *) ;", "column 5 of the grammar: this comment is not closed: expected `*)`"),
        ("a = *) ;", "column 5 of the grammar: `*)` without an open comment"),
        ("a = é ;", "column 5 of the grammar: unexpected character 'é'"),
        ("a = _b ;", "column 5 of the grammar: unexpected character '_'"),
        ("a = ; b = ; a = ;", "column 13 of the grammar: production `a` is defined twice"),
        ("a = a,\n b ;", "line 2, column 2 of the grammar: production `b` is not defined"),
    ] {
        assert!(error(source).contains(expected), "{source:?}: {}", error(source));
    }
    let long = error(&format!("a = b {} ;", "c".repeat(500)));
    assert!(long.ends_with(&format!("found `{}…`", "c".repeat(40))), "{long}");
}

#[test]
fn brackets_nest_to_a_bound_and_no_deeper() {
    let nested = |depth: usize| format!("a = {}\"b\"{} ;", "( ".repeat(depth), " )".repeat(depth));
    let deepest = nested(MAX_DEPTH);
    let grammar = ParsedGrammar::parse(&deepest).unwrap();
    assert_eq!(grammar.production("a").unwrap().leading_terminals, ["b"]);
    assert!(error(&nested(MAX_DEPTH + 1)).contains("brackets are nested deeper than 64"));
    assert!(error(&format!("a = {}", "[".repeat(1_000_000))).contains("nested deeper"));
    assert!(error(&"(*".repeat(100_000)).contains("this comment is not closed"));
}

/// A definition in canonical spelling that references only `a`.
fn definition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        "[a-z=;|(*\\]]{1,6}".prop_map(|text| format!("\"{text}\"")),
        "[a-z ;]{1,6}".prop_map(|text| format!("?{text}?")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|it| format!("[ {it} ]")),
            inner.clone().prop_map(|it| format!("{{ {it} }}")),
            inner.clone().prop_map(|it| format!("3 * ( {it} )")),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.join(", ")),
            proptest::collection::vec(inner, 1..4).prop_map(|parts| format!("( {} )", parts.join(" | "))),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in any::<String>(), signs in "[ab2=,|;.?'\"(){}\\[\\]*/:!\n é-]{0,60}") {
        for source in [text, format!("a = {signs} ;"), signs] {
            if let Ok(grammar) = ParsedGrammar::parse(&source) {
                prop_assert!(!grammar.productions().is_empty());
            }
        }
    }

    #[test]
    fn no_cut_of_the_grammar_makes_reading_panic(cut in 0..EBNF_GRAMMAR.len(), skipped in 0..40_usize) {
        let tail = EBNF_GRAMMAR.get(cut + skipped..).unwrap_or_default();
        let source = format!("{}{tail}", &EBNF_GRAMMAR[..cut]);
        if let Err(GrammarError::Ebnf { line, column, .. }) = load_grammar(&source) {
            prop_assert!(line >= 1 && line <= source.matches('\n').count() + 1 && column >= 1);
        }
    }

    #[test]
    fn alternatives_and_expressions_are_the_text_as_written(
        alternatives in proptest::collection::vec(definition(), 1..5), gap in "[ \t\n]{1,3}"
    ) {
        let expression = alternatives.join(&format!("{gap}|{gap}"));
        let source = format!("(* x *) a ={gap}{expression}{gap}(* y *) ;");
        let grammar = ParsedGrammar::parse(&source).unwrap();
        let production = grammar.production("a").unwrap();
        prop_assert_eq!(production.expression, &expression);
        prop_assert_eq!(&production.alternatives, &alternatives);
        // The expression is parsed to the same production again.
        let again = format!("a = {expression} ;");
        let again = ParsedGrammar::parse(&again).unwrap();
        prop_assert_eq!(again.productions(), grammar.productions());
    }
}

//! Reading a grammar: what `PARSED_GRAMMAR` of `crv.core.grammar` is made of.

use crv_core::error::GrammarError;
use crv_core::grammar::ebnf;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// A production: name, expression, alternatives, leading terminals, and those of them that are lower_snake.
type Rule = (String, String, Vec<String>, Vec<String>, Vec<String>);

/// The productions of a grammar that lists what crv lists.
#[pyfunction]
pub(crate) fn load_grammar(py: Python<'_>, text: &str) -> PyResult<Vec<Rule>> {
    py.detach(|| rules(text)).map_err(|error| refused(py, &error))
}

fn rules(text: &str) -> Result<Vec<Rule>, GrammarError> {
    let grammar = ebnf::load_grammar(text)?;
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    let rule = |it: &ebnf::Production<'_>| {
        let words = grammar.lower_snake_terminals(it.name)?;
        let (alternatives, leading) = (owned(&it.alternatives), owned(&it.leading_terminals));
        Ok((it.name.to_owned(), it.expression.to_owned(), alternatives, leading, owned(&words)))
    };
    grammar.productions().iter().map(rule).collect()
}

/// The `GrammarError` of `crv.core.errors`, which is where the grammar belongs; those of `crv.io` are the store's.
fn refused(py: Python<'_>, error: &GrammarError) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match CLASS.import(py, "crv.core.errors", "GrammarError") {
        Ok(class) => PyErr::from_type(class.clone(), error.to_string()),
        Err(failure) => failure,
    }
}

//! A log of decisions as a file.

use crate::backtest::TableError;
use crate::backtest::table::{Header, Row};
use crate::ope::log::{MODEL_MAX, PROPENSITY_MIN};

const NEEDS: &str = "context columns x_*, arm, propensity and reward; pi_<arm> and q_<arm> are optional";

/// What a log file holds, checked line by line; rows in the file's order.
#[derive(Debug, Clone, PartialEq)]
pub struct LogFile {
    /// Names of the arms.
    pub arms: Vec<String>,
    /// Coordinates of a context.
    pub dimension: usize,
    /// Contexts, row by row.
    pub contexts: Vec<f64>,
    /// Which arm was chosen.
    pub chosen: Vec<usize>,
    /// How probable that was.
    pub propensities: Vec<f64>,
    /// What came of it.
    pub rewards: Vec<f64>,
    /// The target policy's probabilities `pi_<arm>`, row by row.
    pub target: Option<Vec<f64>>,
    /// The reward model's predictions `q_<arm>`, row by row.
    pub model: Option<Vec<f64>>,
}

/// Where the columns are.
struct Places {
    xs: Vec<usize>,
    arm: usize,
    propensity: usize,
    reward: usize,
    target: Option<Vec<usize>>,
    model: Option<Vec<usize>>,
}

impl LogFile {
    /// Reads a CSV with columns `x_*`, `arm`, `propensity`, `reward`, and optionally `pi_<arm>` and `q_<arm>`; others are left alone.
    ///
    /// # Errors
    /// [`TableError`] names the line and the remedy: no propensity, or zero for the chosen arm, a reward outside 0 to 1, probabilities
    /// that do not sum to 1.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let header = Header::parse(text)?;
        let at = |name| header.place(name, NEEDS);
        let (arm, propensity, reward) = (at("arm")?, at("propensity")?, at("reward")?);
        let arms = arm_names(&header, text, arm)?;
        let of = |prefix| places_of(&header, prefix, &arms);
        let (target, model) = (of("pi_")?, of("q_")?);
        let xs = header.starting("x_").0;
        // Without contexts a reward model is each arm's mean; a policy to judge cannot do without.
        if xs.is_empty() && target.is_none() {
            return Err(TableError::MissingColumn { wanted: "x_*".to_owned(), needs: NEEDS });
        }
        let places = Places { xs, arm, propensity, reward, target, model };
        let mut log = Self {
            dimension: places.xs.len(),
            contexts: Vec::new(),
            chosen: Vec::new(),
            propensities: Vec::new(),
            rewards: Vec::new(),
            target: places.target.as_ref().map(|_| Vec::new()),
            model: places.model.as_ref().map(|_| Vec::new()),
            arms,
        };
        for row in header.rows(text) {
            log.take(&row?, &places)?;
        }
        let line = text.lines().count().max(1);
        match log.chosen.len() {
            0 => Err(TableError::Empty { line }),
            1 => Err(TableError::One { line }),
            _ => Ok(log),
        }
    }

    fn take(&mut self, row: &Row<'_>, places: &Places) -> Result<(), TableError> {
        for &at in &places.xs {
            self.contexts.push(row.number(at)?);
        }
        let name = row.fields[places.arm];
        let arm = self.arms.iter().position(|known| known == name);
        let arm =
            arm.ok_or_else(|| row.out_of_range(places.arm, "it must be one of the arms in pi_<arm> and q_<arm>"))?;
        self.chosen.push(arm);
        let remedy = "it must be above 0 and at most 1: log the probability the chosen arm had";
        let propensity = row.number_if(places.propensity, remedy, |p| p > 0.0 && p <= 1.0)?;
        if propensity < PROPENSITY_MIN {
            return Err(
                row.out_of_range(places.propensity, "below 1e-50 nothing can be weighed by it; leave the row out")
            );
        }
        self.propensities.push(propensity);
        let sound = |reward| (0.0..=1.0).contains(&reward);
        self.rewards.push(row.number_if(places.reward, "scale rewards to lie from 0 to 1", sound)?);
        if let (Some(places), Some(out)) = (&places.target, &mut self.target) {
            let from = out.len();
            for &at in places {
                out.push(row.number_if(at, "probabilities lie from 0 to 1", |p| (0.0..=1.0).contains(&p))?);
            }
            if (out[from..].iter().sum::<f64>() - 1.0).abs() > 0.01 {
                return Err(row.out_of_range(places[0], "the pi_<arm> of a row must sum to 1"));
            }
        }
        if let (Some(places), Some(out)) = (&places.model, &mut self.model) {
            for &at in places {
                out.push(row.number_if(at, "predictions lie from -1e50 to 1e50", |q| q.abs() <= MODEL_MAX)?);
            }
        }
        Ok(())
    }
}

/// From the columns `pi_<arm>`, else `q_<arm>`, else from what was chosen, in order of number or name.
fn arm_names(header: &Header<'_>, text: &str, arm: usize) -> Result<Vec<String>, TableError> {
    for prefix in ["pi_", "q_"] {
        let names = header.starting(prefix).1;
        if !names.is_empty() {
            return Ok(names);
        }
    }
    let mut names = Vec::new();
    for row in header.rows(text) {
        names.push(row?.fields[arm].to_owned());
    }
    let key = |name: &String| (name.parse::<u64>().unwrap_or(u64::MAX), name.clone());
    names.sort_by_key(key);
    names.dedup();
    Ok(names)
}

/// The columns of one kind in the order of the arms; `None` when there are none of them.
fn places_of(header: &Header<'_>, prefix: &str, arms: &[String]) -> Result<Option<Vec<usize>>, TableError> {
    if header.starting(prefix).0.is_empty() {
        return Ok(None);
    }
    let place = |arm: &String| header.place(&format!("{prefix}{arm}"), NEEDS);
    arms.iter().map(place).collect::<Result<_, _>>().map(Some)
}

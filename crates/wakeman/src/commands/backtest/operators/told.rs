//! The report of the study, in words and bars.

use wakeman_ranking::operators::{StudyReport, Temperament, WEEKS_LEARNING};

/// Width of the longest bar.
const BAR: u32 = 36;

/// The whole of it; `in_the_lab` or drawn.
pub fn told(report: &StudyReport, in_the_lab: bool) -> String {
    let seed = report.seed;
    let way = if in_the_lab { " at the simulated product" } else { "" };
    let mut text = format!(
        "Simulated operators{way}, seed {seed}. lints-v1 learns for {WEEKS_LEARNING} weeks beside rule-v1, then each goes its own way.\n\n",
    );
    text.push_str("operator        noise: rule → lints    useful: rule, kept    critical missed\n");
    for one in &report.operators {
        let (rule, lints) = (&one.rule, &one.lints);
        text.push_str(&format!(
            "{:<15} {:>11} → {:<8} {:>13}, {:<4} {:>16}\n",
            name(one.temperament),
            rule.noise,
            lints.noise,
            rule.useful,
            one.useful_kept,
            lints.critical_missed
        ));
    }
    text.push_str(&promotions(report));
    text.push_str("\nNoise a week, all operators (shadow: what lints-v1 would have done)\n");
    text.push_str(&plot(report));
    text.push_str(&format!(
        "\nNoise fell by {:.0} %, {:.1} % of the useful interruptions kept, {} critical findings missed.\n",
        report.noise_fall * 100.0,
        report.useful_kept * 100.0,
        report.critical_missed
    ));
    text
}

/// How the learning policy came to decide in the lab; nothing where it was only drawn.
fn promotions(report: &StudyReport) -> String {
    let said = report.operators.iter().filter(|one| !one.promotion.is_empty());
    let lines: String = said.map(|one| format!("{}: {}\n", name(one.temperament), one.promotion)).collect();
    if lines.is_empty() {
        return lines;
    }
    format!(
        "\nWhat the product says to the promotion (refused or not, lints-v1 decides after week {WEEKS_LEARNING})\n{lines}"
    )
}

fn plot(report: &StudyReport) -> String {
    let weeks = report.operators.first().map_or(0, |one| one.noise_by_week.len());
    let of = |week: usize| {
        let each = report.operators.iter().filter_map(|one| one.noise_by_week.get(week));
        each.fold((0, 0), |sum, week| (sum.0 + week.0, sum.1 + week.1))
    };
    let most = (0..weeks).map(|week| of(week).0.max(of(week).1)).max().unwrap_or(0).max(1);
    let bar = |count: u32, mark: &str| mark.repeat((count * BAR).div_ceil(most) as usize);
    let line = |week: usize| {
        let (rule, lints) = of(week);
        let how = if week < WEEKS_LEARNING as usize { "shadow" } else { "active" };
        format!("{:>2} rule   {} {rule}\n   {how} {} {lints}\n", week + 1, bar(rule, "░"), bar(lints, "█"))
    };
    (0..weeks).map(line).collect()
}

const fn name(temperament: Temperament) -> &'static str {
    match temperament {
        Temperament::Founder => "founder",
        Temperament::Engineer => "engineer",
        Temperament::NightWorker => "night worker",
        Temperament::Detective => "detective",
    }
}

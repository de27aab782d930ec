#[path = "../../present/tests/main/samples.rs"]
mod samples;
use samples::*;
use wakeman_cli::*;
use wakeman_present as p;
use wakeman_types::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    if a[1] == "ask" {
        let _p = Progress::start("asking PostHog", true, TermStyle::plain(60));
        std::thread::sleep(std::time::Duration::from_millis(1500));
        drop(_p);
        let c = choices_of(&p::proposal_doc(&proposal(), &ctx()));
        let r = read_key("P-31", &c);
        println!("got {r:?}");
        return;
    }
    let width: usize = a[1].parse().unwrap();
    let mut style = TermStyle { width, color: a[2] == "color", unicode: a[2] != "ascii" };
    style.width = width;
    let c = ctx();
    let mut con = Console::new(std::io::stdout(), style);
    let mut f = |v: View| {
        con.print(&delivery(v), &c).unwrap();
    };
    f(View::Finding(Box::new(asked(finding()))));
    f(View::Proposal(Box::new(ProposalView { proposal: proposal() })));
    for s in ProposalState::ALL {
        f(View::Settled(Box::new(settled(s))));
    }
    f(View::Recovery(Box::new(RecoveryView { finding: recovered(), proposal: None })));
    f(View::Source(silent()));
    f(View::Digest(digest()));
    for s in [error(), run(), deployment("failure"), deployment("in_progress")] {
        f(View::Finding(Box::new(asked(about(s)))));
    }
    let show = |d: p::Doc| println!("\n{}", render(&d, &style));
    show(p::status_doc(&status(), &c));
    show(p::why_doc(&why(), &c));
    let mut sn = finding();
    sn.state = FindingState::Snoozed { by: "ada".into(), until: ago(-90) };
    show(p::findings_table(&[finding(), about(error()), about(run()), recovered(), sn], &c));
    show(p::proposals_table(&ProposalState::ALL.map(proposal_in), &c));
    show(p::threads_table(&[thread().thread], &c));
    show(p::thread_doc(&thread(), &c));
    show(p::details_doc(&proposal(), &c));
    show(p::help_doc());
}

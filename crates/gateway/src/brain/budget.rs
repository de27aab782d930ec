//! What models may cost: reserved before a call, settled after it.
//!
//! Owns: the day's ledger, in memory, rebuilt at the start from the turns of the day. Must not: call a model.
//! A reservation that is neither settled nor released (the call was cut off) counts as spent: what was asked for may be billed.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{Days, TimeZone};
use chrono_tz::Tz;
use wakeman_types::{DAY_MS, ModelView, ThreadId, Timestamp, Usage};

/// Share of the day's budget that one thread may use.
const THREAD_SHARE: f64 = 0.5;
/// Share of the day's budget that one wakeup may use.
const WAKEUP_SHARE: f64 = 0.2;
/// From here on people are warned.
const WARN_SHARE: f64 = 0.8;
/// Accounts that are kept in mind. Beyond, the smaller half is forgotten: none of those has used more than one part in
/// `ACCOUNTS_MAX / 2` of the day's budget, since all together have used no more than all of it.
const ACCOUNTS_MAX: usize = 1024;
/// US dollars a token is taken to cost before the proxy told of any.
const PRICE_FIRST: f64 = 2e-6;

/// On whose account a call goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Account {
    /// A conversation.
    Thread(ThreadId),
    /// A wakeup, by its id.
    Wakeup(String),
}

impl Account {
    const fn share(&self) -> f64 {
        match self {
            Self::Thread(_) => THREAD_SHARE,
            Self::Wakeup(_) => WAKEUP_SHARE,
        }
    }
}

/// The money is spent.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the model budget is used up")]
pub struct OverBudget {
    /// What may be spent: by the day, or by this account of it.
    pub limit_usd: f64,
    /// Whether it is the account's share and not the day's budget.
    pub of_account: bool,
    /// When the next day begins.
    pub resets_at: Timestamp,
}

struct Day {
    from: Timestamp,
    until: Timestamp,
    spent: f64,
    reserved: f64,
    tokens: u64,
    accounts: HashMap<Account, f64>,
    warned: bool,
    /// Accounts that were warned. Few: each has used much of the day's budget.
    warned_accounts: HashSet<Account>,
}

/// The day's ledger.
pub struct Ledger {
    limit_usd: f64,
    zone: Tz,
    state: Mutex<State>,
}

struct State {
    day: Day,
    /// US dollars a token cost at most, lately.
    price: f64,
}

impl Ledger {
    /// An empty ledger for the day of `now` in `zone`.
    pub fn new(limit_usd: f64, zone: Tz, now: Timestamp) -> Self {
        Self { limit_usd, zone, state: Mutex::new(State { day: Day::of(now, zone), price: PRICE_FIRST }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger on the day of `now`.
    fn lock(&self, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = self.state();
        if now >= state.day.until {
            // What is reserved belongs to calls under way; they are settled on the new day.
            let reserved = state.day.reserved;
            state.day = Day { reserved, ..Day::of(now, self.zone) };
        } else if now < state.day.from {
            // The clock was put back. What was spent stays spent; only when the day ends is new.
            let Day { from, until, .. } = Day::of(now, self.zone);
            (state.day.from, state.day.until) = (from, until);
        }
        state
    }

    /// When the day of `now` began.
    pub fn day_begin(&self, now: Timestamp) -> Timestamp {
        self.lock(now).day.from
    }

    /// Takes account of a turn of earlier today, at the start.
    pub fn remember(&self, now: Timestamp, account: Account, usage: &Usage) {
        let mut state = self.lock(now);
        state.day.spent += usage.cost_usd;
        state.day.spend_tokens(usage.prompt_tokens.saturating_add(usage.completion_tokens));
        state.day.charge(account, usage.cost_usd);
    }

    /// Takes account of what a call cost besides what was put aside for it.
    pub fn charge(&self, now: Timestamp, account: &Account, usd: f64) {
        let mut state = self.lock(now);
        state.day.spent += usd;
        state.day.charge(account.clone(), usd);
    }

    /// Puts aside what a call of up to `tokens` tokens may cost. The last call that fits is let through even if it may cost
    /// more than what is left, so that a small budget is of use.
    ///
    /// # Errors
    /// [`OverBudget`] when nothing is left.
    pub fn reserve(
        self: &Arc<Self>,
        now: Timestamp,
        account: &Account,
        tokens: u64,
    ) -> Result<Reservation, OverBudget> {
        let mut state = self.lock(now);
        let left_today = self.limit_usd - state.day.spent - state.day.reserved;
        let share = self.limit_usd * account.share();
        let left_here = share - state.day.accounts.get(account).copied().unwrap_or_default();
        let resets_at = state.day.until;
        if left_today <= 0.0 {
            return Err(OverBudget { limit_usd: self.limit_usd, of_account: false, resets_at });
        }
        if left_here <= 0.0 {
            return Err(OverBudget { limit_usd: share, of_account: true, resets_at });
        }
        let usd = (tokens as f64 * state.price).min(left_today).min(left_here);
        state.day.reserved += usd;
        state.day.charge(account.clone(), usd);
        Ok(Reservation { ledger: Arc::clone(self), account: account.clone(), usd, at: now, open: true })
    }

    /// What a call of up to `tokens` tokens may cost, US dollars.
    pub fn estimate(&self, tokens: u64) -> f64 {
        tokens as f64 * self.state().price
    }

    fn close(&self, reservation: &Reservation, cost: f64, tokens: u64) {
        // On the day the ledger has now: the call may have begun before midnight.
        let mut state = self.state();
        state.day.reserved = (state.day.reserved - reservation.usd).max(0.0);
        state.day.spent += cost;
        state.day.spend_tokens(tokens);
        // The account of a new day holds nothing that was put aside on the old one.
        let aside = if reservation.at < state.day.from { 0.0 } else { reservation.usd };
        state.day.charge(reservation.account.clone(), cost - aside);
        if tokens > 0 && cost > 0.0 {
            state.price = (state.price * 0.9).max(cost / tokens as f64);
        }
    }

    /// True once a day, when four fifths are spent.
    pub fn should_warn(&self, now: Timestamp) -> bool {
        let mut state = self.lock(now);
        let due = !state.day.warned && state.day.spent >= WARN_SHARE * self.limit_usd;
        state.day.warned |= due;
        due
    }

    /// What an account has used and may use, once a day: when four fifths of its share are spent.
    pub fn warn_account(&self, now: Timestamp, account: &Account) -> Option<(f64, f64)> {
        let mut state = self.lock(now);
        let share = self.limit_usd * account.share();
        let used = state.day.accounts.get(account).copied().unwrap_or_default();
        let due = used >= WARN_SHARE * share && state.day.warned_accounts.insert(account.clone());
        due.then_some((used, share))
    }

    /// The day so far.
    pub fn view(&self, now: Timestamp) -> ModelView {
        let state = self.lock(now);
        ModelView {
            budget_usd: self.limit_usd,
            spent_usd: state.day.spent,
            reserved_usd: state.day.reserved,
            tokens: state.day.tokens,
            resets_at: state.day.until,
        }
    }
}

impl Day {
    fn of(now: Timestamp, zone: Tz) -> Self {
        let here = chrono::DateTime::from_timestamp_millis(now.ms()).unwrap_or_default().with_timezone(&zone);
        let date = here.date_naive();
        let begin = |date: chrono::NaiveDate| {
            // Midnight does not exist where clocks skip it: the day then begins an hour later.
            let midnight = date.and_hms_opt(0, 0, 0).unwrap_or_default();
            let first = zone.from_local_datetime(&midnight).earliest();
            let first = first.or_else(|| zone.from_local_datetime(&(midnight + chrono::Duration::hours(1))).earliest());
            first.map_or(now, |at| Timestamp::from_ms(at.timestamp_millis()))
        };
        let from = begin(date);
        let until = date.checked_add_days(Days::new(1)).map_or_else(|| from.plus_ms(DAY_MS), begin);
        Self {
            from,
            until,
            spent: 0.0,
            reserved: 0.0,
            tokens: 0,
            accounts: HashMap::new(),
            warned: false,
            warned_accounts: HashSet::new(),
        }
    }

    /// However many a host claims.
    const fn spend_tokens(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens);
    }

    /// Adds `usd` to what an account has used; less than nothing gives back what was put aside.
    fn charge(&mut self, account: Account, usd: f64) {
        let used = self.accounts.entry(account).or_default();
        // One that was forgotten meanwhile has nothing to give back.
        *used = (*used + usd).max(0.0);
        if self.accounts.len() > ACCOUNTS_MAX {
            let mut all: Vec<f64> = self.accounts.values().copied().collect();
            let (_, median, _) = all.select_nth_unstable_by(ACCOUNTS_MAX / 2, f64::total_cmp);
            let median = *median;
            self.accounts.retain(|_, used| *used > median);
        }
    }
}

/// Money put aside for one call.
#[must_use]
pub struct Reservation {
    ledger: Arc<Ledger>,
    account: Account,
    usd: f64,
    at: Timestamp,
    open: bool,
}

impl Reservation {
    /// What is put aside, US dollars.
    pub const fn usd(&self) -> f64 {
        self.usd
    }

    /// The call ended and cost this.
    pub fn settle(mut self, cost_usd: f64, tokens: u64) {
        self.open = false;
        self.ledger.close(&self, cost_usd, tokens);
    }

    /// The call was refused before it could cost anything.
    pub fn release(self) {
        self.settle(0.0, 0);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.open {
            self.ledger.close(self, self.usd, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_776_686_400_000); // Monday 2026-04-20, 12:00 UTC

    fn ledger(limit: f64) -> Arc<Ledger> {
        Arc::new(Ledger::new(limit, Tz::UTC, NOON))
    }

    fn thread(name: &str) -> Account {
        Account::Thread(ThreadId::new(name))
    }

    #[test]
    fn what_is_reserved_is_not_there_for_others() {
        let ledger = ledger(0.01);
        let first = ledger.reserve(NOON, &thread("a"), 2_000).unwrap();
        assert!((first.usd() - 0.004).abs() < 1e-9);
        let second = ledger.reserve(NOON, &thread("b"), 1_000_000).unwrap();
        assert!((second.usd() - 0.005).abs() < 1e-9, "at most the thread's share: {}", second.usd());
        let third = ledger.reserve(NOON, &thread("c"), 1_000_000).unwrap();
        let none = ledger.reserve(NOON, &thread("d"), 1).err().unwrap();
        assert_eq!(none, OverBudget { limit_usd: 0.01, of_account: false, resets_at: NOON.plus_ms(43_200_000) });
        second.release();
        third.settle(0.001, 10);
        assert!(ledger.reserve(NOON, &thread("d"), 1).is_ok());
        first.settle(0.0, 0);
    }

    #[test]
    fn a_host_that_claims_more_tokens_than_there_are_breaks_no_count() {
        let ledger = ledger(1.0);
        let claimed = Usage { prompt_tokens: u64::MAX, completion_tokens: u64::MAX, ..Usage::default() };
        ledger.remember(NOON, thread("a"), &claimed);
        ledger.reserve(NOON, &thread("a"), 1).unwrap().settle(0.0, u64::MAX);
        let view = ledger.view(NOON);
        assert!(view.tokens == u64::MAX && view.spent_usd == 0.0, "{view:?}");
    }

    #[test]
    fn a_call_that_was_cut_off_counts_as_spent() {
        let ledger = ledger(1.0);
        drop(ledger.reserve(NOON, &thread("a"), 1_000).unwrap());
        let view = ledger.view(NOON);
        assert!((view.spent_usd - 0.002).abs() < 1e-9 && view.reserved_usd == 0.0, "{view:?}");
    }

    #[test]
    fn an_account_has_its_share_and_the_next_day_begins_anew() {
        let ledger = ledger(1.0);
        let wakeup = Account::Wakeup("morning".to_owned());
        ledger.remember(NOON, wakeup.clone(), &Usage { cost_usd: 0.2, ..Usage::default() });
        let refused = ledger.reserve(NOON, &wakeup, 1).err().unwrap();
        assert!(refused.of_account && (refused.limit_usd - 0.2).abs() < 1e-9);
        assert!(ledger.reserve(refused.resets_at, &wakeup, 1).is_ok());
        assert_eq!(ledger.view(refused.resets_at).tokens, 0);
    }

    #[test]
    fn a_call_over_midnight_is_settled_on_the_new_day_and_takes_nothing_from_it() {
        let ledger = ledger(1.0);
        let over_midnight = ledger.reserve(NOON, &thread("a"), 1_000).unwrap();
        let tomorrow = NOON.plus_ms(43_200_000);
        ledger.reserve(tomorrow, &thread("b"), 1).unwrap().settle(0.3, 100);
        over_midnight.settle(0.1, 100);
        let view = ledger.view(tomorrow);
        assert!((view.spent_usd - 0.4).abs() < 1e-9 && view.reserved_usd == 0.0, "{view:?}");
        // Its account has spent 0.1 of its half today, no less.
        let left = ledger.reserve(tomorrow, &thread("a"), 1_000_000_000).unwrap();
        assert!((left.usd() - 0.4).abs() < 1e-9, "{}", left.usd());
    }

    #[test]
    fn a_clock_that_is_put_back_gives_no_money_back() {
        let ledger = ledger(1.0);
        ledger.reserve(NOON, &thread("a"), 1).unwrap().settle(0.4, 100);
        let yesterday = NOON.plus_ms(-86_400_000);
        let view = ledger.view(yesterday);
        assert!((view.spent_usd - 0.4).abs() < 1e-9 && view.resets_at == yesterday.plus_ms(43_200_000), "{view:?}");
    }

    #[test]
    fn ten_thousand_threads_are_not_all_remembered_and_who_used_much_still_is() {
        let ledger = ledger(1.0);
        ledger.reserve(NOON, &thread("much"), 1).unwrap().settle(0.4, 100);
        for n in 0..10_000 {
            ledger.reserve(NOON, &thread(&format!("t{n}")), 1).unwrap().settle(0.000_01, 100);
        }
        assert!(ledger.state().day.accounts.len() <= ACCOUNTS_MAX);
        let left = ledger.reserve(NOON, &thread("much"), 1_000_000_000).unwrap();
        assert!((left.usd() - 0.1).abs() < 1e-9, "{}", left.usd());
    }

    #[test]
    fn the_warning_comes_once_a_day() {
        let ledger = ledger(1.0);
        assert!(!ledger.should_warn(NOON));
        ledger.reserve(NOON, &thread("a"), 1).unwrap().settle(0.8, 100);
        assert!(ledger.should_warn(NOON) && !ledger.should_warn(NOON));
    }

    #[test]
    fn an_account_is_warned_once_a_day_before_its_share_is_used_up() {
        let wakeup = Account::Wakeup("morning".to_owned());
        for (account, share) in [(thread("a"), 0.5), (wakeup, 0.2)] {
            let ledger = Arc::new(Ledger::new(1.0, Tz::UTC, NOON));
            ledger.reserve(NOON, &account, 1).unwrap().settle(0.79 * share, 0);
            assert_eq!(ledger.warn_account(NOON, &account), None);
            ledger.reserve(NOON, &account, 1).unwrap().settle(0.02 * share, 0);
            let (used, of) = ledger.warn_account(NOON, &account).unwrap();
            assert!((used - 0.81 * share).abs() < 1e-9 && (of - share).abs() < 1e-9, "{used} of {of}");
            assert_eq!(ledger.warn_account(NOON, &account), None, "once");
            assert!(ledger.reserve(NOON, &account, 1).is_ok(), "before it is used up");
            let tomorrow = NOON.plus_ms(86_400_000);
            ledger.reserve(tomorrow, &account, 1).unwrap().settle(0.9 * share, 0);
            assert!(ledger.warn_account(tomorrow, &account).is_some());
        }
    }

    #[test]
    fn a_budget_of_nothing_lets_nothing_through() {
        assert!(ledger(0.0).reserve(NOON, &thread("a"), 1).is_err());
    }

    #[test]
    fn days_begin_at_midnight_of_the_zone_also_where_clocks_change() {
        let zone: Tz = "Europe/Berlin".parse().unwrap();
        // 2026-03-29 has 23 hours there, 2026-10-25 has 25.
        for (noon, hours) in [(1_774_778_400_000, 23), (1_792_922_400_000, 25)] {
            let day = Day::of(Timestamp(noon), zone);
            assert_eq!(day.until.since(day.from), hours * 3_600_000);
        }
    }
}

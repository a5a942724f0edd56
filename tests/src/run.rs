//! Puts cases to a host, and writes down what it gives.
//!
//! Knows hosts only as [`Host`], and of the engine only what the contract says.

use crate::case::{AllOrders, Call, Calls, Case, Delivery, Expected, Pick, Step};
use crate::form;
use crate::host::{Document, Host, Refusal};
use converge_engine::{EventId, EventRun, PeerVersion, Row, ScanOptions, TableSummary};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Runs all cases and gives the transcript.
///
/// # Errors
/// The failures of all cases: file, step, what was expected, what came.
pub fn run_all<H: Host>(host: &H, cases: &[Case]) -> Result<String, String> {
    let mut transcript = String::new();
    let mut failures = String::new();
    let mut steps = 0;
    for case in cases {
        match run(host, case) {
            Ok(results) => {
                steps += results.len();
                for (index, result) in results.iter().enumerate() {
                    writeln(&mut transcript, format_args!("{} {} {}", case.path, index + 1, form::transcribe(result)));
                }
            }
            Err(failure) => writeln(&mut failures, format_args!("{} on {}: {failure}\n", case.path, H::NAME)),
        }
    }
    if cases.is_empty() {
        writeln(&mut failures, format_args!("there are no cases"));
    }
    writeln(&mut transcript, format_args!("{} files, {steps} steps", cases.len()));
    if failures.is_empty() { Ok(transcript) } else { Err(failures) }
}

fn writeln(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a string does not fail");
}

/// Runs one case and gives the results of its steps.
///
/// # Errors
/// The first step that fails, with what was expected and what came.
pub fn run<H: Host>(host: &H, case: &Case) -> Result<Vec<Json>, String> {
    let mut world = World { host, replicas: BTreeMap::new(), watchers: BTreeMap::new() };
    world.run(&case.steps).map_err(|failure| format!("{failure}\n  case: {}", case.about))
}

/// The replicas and watchers of a running case, by name.
struct World<'a, H: Host> {
    host: &'a H,
    replicas: BTreeMap<String, H::Document>,
    watchers: BTreeMap<String, Watcher<<H::Document as Document>::Watcher>>,
}

struct Watcher<W> {
    replica: String,
    watcher: W,
}

/// What a call must leave as it was where it is refused.
#[derive(Debug, PartialEq)]
struct State {
    tables: Vec<TableSummary>,
    rows: Vec<Vec<Row>>,
    digest: Vec<u8>,
    heads: Vec<EventId>,
    version: Vec<PeerVersion>,
    waiting: Json,
}

/// Why a call gave nothing: the host refused it, or the case is wrong.
enum Stop {
    Refused(Refusal),
    Failed(String),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<String> for Stop {
    fn from(failure: String) -> Self {
        Self::Failed(failure)
    }
}

impl<H: Host> World<'_, H> {
    fn run(&mut self, steps: &[Step]) -> Result<Vec<Json>, String> {
        let mut results = Vec::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            let result =
                self.step(step).map_err(|failure| format!("step {}: {failure}\n  step: {}", index + 1, step.source))?;
            results.push(result);
        }
        Ok(results)
    }

    /// Makes the call, compares what it gives, and checks that a refusal changed nothing.
    fn step(&mut self, step: &Step) -> Result<Json, String> {
        let before = match &step.expected {
            Expected::Error(_) => self.state(step)?,
            _ => None,
        };
        let result = match self.call(step) {
            Ok(result) => result,
            Err(Stop::Refused(refusal)) => json!({ "error": form::refusal(&refusal) }),
            Err(Stop::Failed(failure)) => return Err(failure),
        };
        match &step.expected {
            Expected::Success if result.get("error").is_none() => {}
            Expected::Success => return Err(format!("refused: {result}")),
            Expected::Result(expected) if *expected == result => {}
            Expected::Result(expected) => return Err(different(expected, &result)),
            Expected::Error(expected) => {
                if !is_error(&result, expected) {
                    return Err(different(&json!({ "error": expected }), &result));
                }
                if before != self.state(step)? {
                    return Err(format!("refused with {result}, but the document changed"));
                }
            }
        }
        Ok(result)
    }

    fn call(&mut self, step: &Step) -> Result<Json, Stop> {
        Ok(match step.call.clone() {
            Call::EngineVersion([]) => self.host.version().into(),
            Call::EngineLimits([]) => self.host.limits().iter().map(|(name, most)| json!([name, most])).collect(),
            Call::Create(peer) => {
                let document = self.host.create(&peer)?;
                let name = step.name.clone().unwrap_or(peer);
                self.watchers.retain(|_, watcher| watcher.replica != name);
                self.replicas.insert(name, document);
                Json::Null
            }
            Call::Peer([]) => self.on(step)?.peer().into(),
            Call::Insert(table, row, cells) => form::event(&self.on(step)?.insert(&table, &row, cells.into())?),
            Call::Update(table, row, cells) => form::event(&self.on(step)?.update(&table, &row, cells.into())?),
            Call::Delete(table, row) => form::event(&self.on(step)?.delete(&table, &row)?),
            Call::Commit(ops) => form::event(&self.on(step)?.commit(ops.into_iter().map(Into::into).collect())?),
            Call::Get(table, row) => self.on(step)?.get(&table, &row).map_or(Json::Null, |cells| form::cells(&cells)),
            Call::Scan(table, options) => form::page(&self.on(step)?.scan(&table, options.into())?),
            Call::Tables([]) => self.on(step)?.tables().iter().map(|table| json!([table.name, table.rows])).collect(),
            Call::Watch(tables, from_start) => {
                let watcher = self.on(step)?.watch(tables, from_start)?;
                self.add_watcher(step, watcher)?
            }
            Call::Take(most) => {
                let Watcher { replica, watcher } = named(&mut self.watchers, step.on.as_deref())?;
                form::changes(&named(&mut self.replicas, Some(replica))?.take(watcher, most))
            }
            Call::Digest([]) => form::hex(&self.on(step)?.digest()).into(),
            Call::Version([]) => form::version(&self.on(step)?.version()),
            Call::Heads([]) => form::events(&self.on(step)?.heads()),
            Call::EventsSince(known, most) => {
                let known = known.into_iter().map(|(peer, count)| PeerVersion { peer, count }).collect();
                form::batch(&self.on(step)?.events_since(known, most)?)
            }
            Call::MergeEvents(runs) => {
                form::report(&self.on(step)?.merge_events(runs.into_iter().map(Into::into).collect())?)
            }
            Call::Drop([]) => {
                named(&mut self.watchers, step.on.as_deref())?;
                self.drop_watcher(step.on.as_deref().unwrap_or_default())?;
                Json::Null
            }
            Call::Deliver(delivery) => self.deliver(step, &delivery)?,
            Call::Sync(from) => self.sync(&from, step.on.as_deref())?,
            Call::Exchange(names) => self.exchange(&names)?,
            Call::Same(names) => self.same(&names)?,
            Call::Differ(names) => self.differ(&names)?,
            Call::AllOrders(group) => self.all_orders(&group)?,
        })
    }

    fn on(&mut self, step: &Step) -> Result<&mut H::Document, String> {
        named(&mut self.replicas, step.on.as_deref())
    }

    fn add_watcher(&mut self, step: &Step, watcher: <H::Document as Document>::Watcher) -> Result<Json, String> {
        let (Some(replica), Some(name)) = (step.on.clone(), step.name.clone()) else {
            return Err("the watcher has no name".to_owned());
        };
        self.drop_watcher(&name)?;
        self.watchers.insert(name, Watcher { replica, watcher });
        Ok(Json::Null)
    }

    /// Lets go of a watcher, if there is one of this name.
    fn drop_watcher(&mut self, name: &str) -> Result<(), String> {
        if let Some(Watcher { replica, watcher }) = self.watchers.remove(name) {
            named(&mut self.replicas, Some(&replica))?.unwatch(watcher);
        }
        Ok(())
    }

    /// The state of the document that a step calls.
    fn state(&mut self, step: &Step) -> Result<Option<State>, String> {
        let Some(name) = step.on.as_deref() else { return Ok(None) };
        let document = named(&mut self.replicas, Some(name))?;
        let tables = document.tables();
        let rows = tables.iter().map(|table| all_rows(document, &table.name)).collect::<Result<_, _>>()?;
        let waiting = document.merge_events(Vec::new()).map_err(|e| format!("merging nothing is refused: {e:?}"))?;
        let (digest, heads, version) = (document.digest(), document.heads(), document.version());
        Ok(Some(State { tables, rows, digest, heads, version, waiting: form::report(&waiting) }))
    }

    fn sync(&mut self, from: &str, to: Option<&str>) -> Result<Json, Stop> {
        let known = named(&mut self.replicas, to)?.version();
        let batch = named(&mut self.replicas, Some(from))?.events_since(known, u32::MAX)?;
        if batch.more {
            return Err(Stop::Failed("there are more events than fit one page".to_owned()));
        }
        Ok(form::report(&named(&mut self.replicas, to)?.merge_events(batch.runs)?))
    }

    fn exchange(&mut self, names: &[String]) -> Result<Json, Stop> {
        for from in names {
            for to in names.iter().filter(|to| *to != from) {
                self.sync(from, Some(to))?;
            }
        }
        let mut known = Vec::new();
        for name in names {
            let document = named(&mut self.replicas, Some(name))?;
            known.push((document.version(), document.heads()));
        }
        match known.windows(2).find(|pair| pair[0] != pair[1]) {
            Some(pair) => Err(Stop::Failed(format!("after an exchange: {:?} and {:?}", pair[0], pair[1]))),
            None => self.same(names),
        }
    }

    fn same(&mut self, names: &[String]) -> Result<Json, Stop> {
        let mut states = Vec::new();
        for name in names {
            let document = named(&mut self.replicas, Some(name))?;
            let tables = document.tables();
            let rows = tables.iter().map(|table| all_rows(document, &table.name)).collect::<Result<Vec<_>, _>>()?;
            states.push((form::hex(&document.digest()), tables, rows));
        }
        match states.windows(2).position(|pair| pair[0] != pair[1]) {
            Some(at) => {
                let (a, b) = (format!("{:?}", states[at]), format!("{:?}", states[at + 1]));
                let (a, b) = (form::excerpt(&a.into()), form::excerpt(&b.into()));
                Err(Stop::Failed(format!("{} and {} differ: {a} and {b}", names[at], names[at + 1])))
            }
            None => Ok(states.first().map_or(Json::Null, |state| state.0.clone().into())),
        }
    }

    fn differ(&mut self, names: &[String]) -> Result<Json, Stop> {
        let mut digests = Vec::new();
        for name in names {
            digests.push(form::hex(&named(&mut self.replicas, Some(name))?.digest()));
        }
        for (index, digest) in digests.iter().enumerate() {
            if let Some(other) = digests[..index].iter().position(|other| other == digest) {
                let (a, b) = (&names[other], &names[index]);
                return Err(Stop::Failed(format!("{a} and {b} have the same digest {digest}")));
            }
        }
        Ok(digests.into())
    }

    fn deliver(&mut self, step: &Step, delivery: &Delivery) -> Result<Json, Stop> {
        let pieces = self.pick(&delivery.from, &delivery.events)?;
        let document = self.on(step)?;
        let calls: Vec<EventRun> = match delivery.calls {
            Calls::One => return Ok(form::report(&document.merge_events(pieces)?)),
            Calls::Piece => pieces,
            Calls::Event => pieces.iter().flat_map(single_events).collect(),
        };
        let mut reports = Vec::with_capacity(calls.len());
        for run in calls {
            reports.push(form::report(&document.merge_events(vec![run])?));
        }
        Ok(reports.into())
    }

    /// The pieces of runs that hold these events.
    fn pick(&mut self, from: &str, picks: &[Pick]) -> Result<Vec<EventRun>, Stop> {
        let batch = named(&mut self.replicas, Some(from))?.events_since(Vec::new(), u32::MAX)?;
        if batch.more {
            return Err(Stop::Failed("there are more events than fit one page".to_owned()));
        }
        let mut pieces = Vec::new();
        for pick in picks {
            let (peer, first, last) = match pick {
                Pick::Range(peer, first, last) => (peer, *first, Some(*last)),
                Pick::One(peer, counter) => (peer, *counter, Some(*counter)),
                Pick::All([peer]) => (peer, 0, None),
            };
            let mut next = first;
            let mut runs: Vec<&EventRun> = batch.runs.iter().filter(|run| run.peer == *peer).collect();
            runs.sort_by_key(|run| run.start);
            for run in runs {
                let piece = cut(run, first, last);
                next += piece.as_ref().map_or(0, |piece| piece.commits.len() as u32);
                pieces.extend(piece);
            }
            if last.map_or(next == first, |last| next != last.saturating_add(1)) {
                return Err(Stop::Failed(format!("{from} does not know the events {pick:?}")));
            }
        }
        Ok(pieces)
    }

    fn all_orders(&mut self, group: &AllOrders) -> Result<Json, Stop> {
        let from = named(&mut self.replicas, Some(&group.from))?;
        let version = group.events.is_none().then(|| from.version());
        let everything = || from.version().into_iter().map(|known| Pick::All([known.peer])).collect();
        let picks = group.events.clone().unwrap_or_else(everything);
        let events: Vec<EventRun> = self.pick(&group.from, &picks)?.iter().flat_map(single_events).collect();
        let orders = permutations(events.len())?;
        let mut first = None;
        for order in &orders {
            let events: Vec<EventRun> = order.iter().map(|&index| events[index].clone()).collect();
            for calls in [events.iter().cloned().map(|run| vec![run]).collect(), vec![events.clone()]] {
                let results = self.in_order(group, calls, version.as_ref()).map_err(|failure| {
                    let order: Json = events.iter().map(|run| json!([run.peer, run.start])).collect();
                    format!("in the order {order}: {failure}")
                })?;
                let results = Json::Array(results);
                let first = first.get_or_insert_with(|| results.clone());
                if *first != results {
                    return Err(Stop::Failed(format!("orders differ: {}", different(first, &results))));
                }
            }
        }
        Ok(json!({ "orders": orders.len(), "steps": first }))
    }

    fn in_order(
        &self,
        group: &AllOrders,
        calls: Vec<Vec<EventRun>>,
        version: Option<&Vec<PeerVersion>>,
    ) -> Result<Vec<Json>, String> {
        let refused = |refusal: Refusal| format!("refused: {refusal:?}");
        let mut document = self.host.create(&group.name).map_err(refused)?;
        let mut waiting = 0;
        for runs in calls {
            waiting = document.merge_events(runs).map_err(refused)?.waiting;
        }
        if waiting != 0 {
            return Err(format!("{waiting} events still wait"));
        }
        if version.is_some_and(|version| *version != document.version()) {
            return Err(format!("the version is {:?}", document.version()));
        }
        let replicas = BTreeMap::from([(group.name.clone(), document)]);
        World { host: self.host, replicas, watchers: BTreeMap::new() }.run(&group.steps)
    }
}

fn named<'a, T>(things: &'a mut BTreeMap<String, T>, name: Option<&str>) -> Result<&'a mut T, String> {
    let name = name.unwrap_or_default();
    things.get_mut(name).ok_or_else(|| format!("nothing is named {name:?}"))
}

fn all_rows<D: Document>(document: &mut D, table: &str) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    loop {
        let after = rows.last().map(|row: &Row| row.id.clone());
        let options = ScanOptions { after, ..ScanOptions::default() };
        let page = document.scan(table, options).map_err(|e| format!("a scan of {table:?} is refused: {e:?}"))?;
        rows.extend(page.rows);
        if !page.more {
            return Ok(rows);
        }
    }
}

/// The part of a run that lies between these counters, both included.
fn cut(run: &EventRun, first: u32, last: Option<u32>) -> Option<EventRun> {
    let end = run.start + run.commits.len() as u32;
    let from = first.max(run.start);
    let to = last.map_or(end, |last| last.saturating_add(1).min(end));
    if from >= to {
        return None;
    }
    let skipped = from - run.start;
    let deps = match from.checked_sub(1) {
        Some(counter) if skipped > 0 => vec![EventId { peer: run.peer.clone(), counter }],
        _ => run.deps.clone(),
    };
    let commits = run.commits[skipped as usize..(to - run.start) as usize].to_vec();
    Some(EventRun { peer: run.peer.clone(), start: from, lamport: run.lamport + skipped, deps, commits })
}

fn single_events(run: &EventRun) -> impl Iterator<Item = EventRun> {
    (run.start..).take(run.commits.len()).filter_map(|counter| cut(run, counter, Some(counter)))
}

/// All orders of so many things.
fn permutations(count: usize) -> Result<Vec<Vec<usize>>, String> {
    if count == 0 || count > 7 {
        return Err(format!("all orders of {count} events: from 1 to 7 are possible"));
    }
    let mut orders = vec![Vec::new()];
    for _ in 0..count {
        let longer = |order: Vec<usize>| {
            let rest: Vec<usize> = (0..count).filter(|index| !order.contains(index)).collect();
            rest.into_iter().map(move |index| order.iter().copied().chain([index]).collect())
        };
        orders = orders.into_iter().flat_map(longer).collect();
    }
    Ok(orders)
}

/// Whether the result is the expected error. Of an invalid argument's message a part is expected.
fn is_error(result: &Json, expected: &Json) -> bool {
    let Some(error) = result.get("error") else { return false };
    match (error.get("invalid-argument"), expected.get("invalid-argument")) {
        (Some(Json::String(message)), Some(Json::String(part))) => !part.is_empty() && message.contains(part.as_str()),
        _ => error == expected,
    }
}

fn different(expected: &Json, result: &Json) -> String {
    format!("\n  expected: {}\n  got:      {}", form::excerpt(expected), form::excerpt(result))
}

#[cfg(test)]
mod tests;

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { between, spread } from '../src/order.js';

/** A number from 0 to 1 that depends on its argument only. @param {number} step */
const fraction = (step) => (step * 0.618034) % 1;

test('a text is between its neighbours, wherever tasks are put', () => {
  const texts = [between('')];
  for (let step = 0; step < 2000; step++) {
    const place = Math.floor(fraction(step) * (texts.length + 1));
    const text = between(texts[place - 1] ?? '', texts[place]);
    assert.ok((texts[place - 1] ?? '') < text, `${text} comes after ${texts[place - 1]}`);
    assert.ok(texts[place] === undefined || text < texts[place], `${text} comes before ${texts[place]}`);
    texts.splice(place, 0, text);
  }
});

test('texts grow slowly at both ends', () => {
  let [first, last] = [between(''), between('')];
  for (let step = 0; step < 200; step++) {
    first = between('', first);
    last = between(last);
  }
  assert.ok(first.length < 60 && last.length < 60, `${first.length} and ${last.length} digits`);
});

test('two texts for one place differ', () => {
  const texts = Array.from({ length: 20 }, () => between('B', 'C'));
  assert.equal(new Set(texts).size, texts.length);
});

test('spread texts are in order and leave room', () => {
  for (const count of [0, 1, 61, 62, 5000]) {
    const texts = spread(count);
    assert.equal(texts.length, count);
    for (const [index, text] of texts.entries()) {
      const before = texts[index - 1] ?? '';
      const middle = between(before, text);
      assert.ok(before < middle && middle < text, `${middle} is between ${before} and ${text}`);
    }
  }
});

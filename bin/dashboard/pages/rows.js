// The rows of an answer as they were written: every column in its place, also two of one name or one that is called `1`, and
// every digit of a number. An object of this language would sort, merge and round them.

// The values of a row are flat: lists and structures come as texts.
const TOKENS = /"(?:[^"\\]|\\.)*"|[-+.\w]+|[{}:,]/g;

/** Reads an array of objects. Values are texts, or `null`. */
export function readRows(json) {
  const answer = { names: [], rows: [] };
  let names = [];
  let row = [];
  let isName = true;
  for (const [token] of json.matchAll(TOKENS)) {
    if (token === '{') [names, row, isName] = [[], [], true];
    else if (token === '}') {
      answer.names = names;
      answer.rows.push(row);
    } else if (token === ':') isName = false;
    else if (token === ',') isName = true;
    else if (isName) names.push(JSON.parse(token));
    else row.push(valueOf(token));
  }
  return answer;
}

function valueOf(token) {
  if (token === 'null') return null;
  return token.startsWith('"') ? JSON.parse(token) : token;
}

/** The question for the names of a question's columns, which an answer without rows does not tell. */
export const namesOf = (query) => `select column_name from (describe ${query.replace(/[;\s]+$/, '')}\n)`;

import { simulate } from './index.ts';
const [calm, from, to] = [process.argv[2]==='calm', Number(process.argv[3]), Number(process.argv[4] ?? process.argv[3])];
let bad=0;
for (let i=from;i<=to;i++){ const t=performance.now(); try { const r=await simulate({seed:String(i),calm,minutes:Number(process.env.MIN??20),applications:Number(process.env.APPS??24)}); console.log(i, Math.round(performance.now()-t)+'ms', JSON.stringify(r)); } catch(e){ bad++; const lines=(e as Error).message.split('\n'); console.log(i,'FAIL', process.argv[5]==='v'? (e as Error).message+'\n'+((e as Error).cause as Error)?.stack : lines.slice(0,3).join(' | ')); } }
console.log('bad',bad);

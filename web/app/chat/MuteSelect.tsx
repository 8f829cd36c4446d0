// How a chat may disturb.
import { Select } from '@/ui/Field';
import { errorText } from '@/ui/errors';
import { say } from '@/ui/notices';
import { chatRule, usePreferences, withChatRule, type ChatRule } from '@/lib/preferences';
import { momentName } from '@/lib/time';

const HOUR = 3600000;
type Choice = 'default' | 'all' | 'mentions' | 'none' | 'hour' | 'eight' | 'day' | 'muted';

function choiceOf(rule: ChatRule | undefined): Choice {
    if (rule?.muted_until && Date.parse(rule.muted_until) > Date.now()) {
        return 'muted';
    }
    return rule?.level ?? 'default';
}

function ruleOf(choice: Choice): ChatRule | null {
    const until = (ms: number) => ({ muted_until: new Date(Date.now() + ms).toISOString().replace(/\.\d+Z$/, 'Z') });
    switch (choice) {
        case 'hour': return until(HOUR);
        case 'eight': return until(8 * HOUR);
        case 'day': return until(24 * HOUR);
        case 'all': case 'mentions': case 'none': return { level: choice };
        default: return null;
    }
}

export function MuteSelect({ chatId }: { chatId: string }) {
    const { prefs, error, save } = usePreferences();
    const rule = chatRule(prefs, chatId);
    const choice = choiceOf(rule);
    const options: (readonly [Choice, string])[] = [
        ['default', 'As everywhere'], ['all', 'Every message'], ['mentions', 'When I am mentioned'], ['none', 'Never'],
        ['hour', 'Mute for 1 hour'], ['eight', 'Mute for 8 hours'], ['day', 'Mute for a day'],
    ];
    if (choice === 'muted') {
        options.unshift(['muted', 'Muted']);
    }
    return (
        <div className="details-part">
            <Select
                label="Notify me" value={choice} options={options} isDisabled={!prefs}
                hint={error ?? (choice === 'muted' ? `Muted until ${momentName(rule!.muted_until!)}` : undefined)}
                onChange={(next) => {
                    if (prefs && next !== 'muted') {
                        save({ chats: withChatRule(prefs, chatId, ruleOf(next)) }).catch((e) => say(errorText(e), true));
                    }
                }}
            />
        </div>
    );
}

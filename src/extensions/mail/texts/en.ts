import type { MailTexts } from '../catalogue.js'

export const EN: MailTexts = {
  dir: 'ltr',
  linkHint: 'If the button does not work, open this link:',
  validFor: 'The link works for {duration}, and once.',
  labels: { time: 'Time', device: 'Device', address: 'IP address' },
  footer: 'You get this mail because of an account at {app}.',
  kinds: {
    confirm_email: {
      subject: 'Confirm your email address',
      paragraphs: ['Welcome to {app}. Please confirm that this is your email address.'],
      button: 'Confirm address',
      after: ['You did not sign up? Then ignore this mail.'],
    },
    confirm_new_email: {
      subject: 'Confirm your new email address',
      paragraphs: ['You want to use {email} for your account at {app}. Please confirm that this address is yours.'],
      button: 'Confirm address',
      after: ['This was not you? Then ignore this mail: nothing changes.'],
    },
    email_change_requested: {
      subject: 'Your email address is about to change',
      paragraphs: [
        'Somebody who is signed in to your account at {app} wants to change its address to {email}.',
        'Until the new address is confirmed, nothing changes.',
      ],
      after: ['This was not you? Then change your password now: somebody else is in your account.'],
    },
    registration_taken: {
      subject: 'You already have an account',
      paragraphs: [
        'Somebody tried to sign up at {app} with this address. You have an account already: just sign in.',
        'If you forgot your password, ask for a new one there.',
      ],
      after: ['This was not you? Then you need to do nothing. Nobody got into your account.'],
    },
    reset_password: {
      subject: 'Choose a new password',
      paragraphs: ['Somebody asked for a new password for your account at {app}.'],
      button: 'Choose a new password',
      after: ['This was not you? Then ignore this mail: your password stays as it is.'],
    },
    invitation: {
      subject: 'You are invited to {app}',
      paragraphs: ['{inviter} invites you to {app}.'],
      otherwise: ['You are invited to {app}.'],
      button: 'Accept invitation',
      after: ['You did not expect this? Then ignore this mail.'],
      footer: 'You get this mail because somebody invited this address to {app}.',
    },
    invitation_taken: {
      subject: 'You already have an account',
      paragraphs: ['Somebody invited you to {app}. You have an account already: just sign in.'],
    },
    new_device: {
      subject: 'New sign-in to your account',
      paragraphs: ['Somebody signed in to your account at {app} from a device that is new to us.'],
      after: ['This was you? Then all is well. If not, change your password now.'],
    },
    password_changed: {
      subject: 'Your password was changed',
      paragraphs: ['The password of your account at {app} was changed.'],
      after: ['This was not you? Then ask for a new password now.'],
    },
    email_changed: {
      subject: 'Your email address was changed',
      paragraphs: ['The address of your account at {app} is now {email}. No more mail about it goes here.'],
      after: ['This was not you? Then tell the people behind {app} now.'],
    },
    session_reused: {
      subject: 'We ended a session of yours',
      paragraphs: [
        'A session of your account at {app} was used in two places. Somebody may have copied it, so we ended it.',
        'Please sign in again.',
      ],
      after: ['If you do not know this device, change your password as well.'],
    },
  },
}

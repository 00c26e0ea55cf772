import type { MailTexts } from '../catalogue.js'

export const ES: MailTexts = {
  dir: 'ltr',
  linkHint: 'Si el botón no funciona, abre este enlace:',
  validFor: 'El enlace vale durante {duration} y una sola vez.',
  labels: { time: 'Hora', device: 'Dispositivo', address: 'Dirección IP' },
  footer: 'Recibes este correo por una cuenta en {app}.',
  kinds: {
    confirm_email: {
      subject: 'Confirma tu dirección de correo',
      paragraphs: ['Te damos la bienvenida a {app}. Confirma que esta dirección de correo es tuya.'],
      button: 'Confirmar dirección',
      after: ['¿No te has registrado? Entonces ignora este correo.'],
    },
    confirm_new_email: {
      subject: 'Confirma tu nueva dirección de correo',
      paragraphs: ['Quieres usar {email} para tu cuenta en {app}. Confirma que esta dirección es tuya.'],
      button: 'Confirmar dirección',
      after: ['¿No has sido tú? Entonces ignora este correo: no cambia nada.'],
    },
    email_change_requested: {
      subject: 'Tu dirección de correo está a punto de cambiar',
      paragraphs: [
        'Alguien que ha iniciado sesión en tu cuenta de {app} quiere cambiar su dirección a {email}.',
        'Mientras no se confirme la nueva dirección, no cambia nada.',
      ],
      after: ['¿No has sido tú? Entonces cambia ya tu contraseña: hay otra persona en tu cuenta.'],
    },
    registration_taken: {
      subject: 'Ya tienes una cuenta',
      paragraphs: [
        'Alguien ha intentado registrarse en {app} con esta dirección. Ya tienes una cuenta: solo tienes que iniciar sesión.',
        'Si has olvidado tu contraseña, pide allí una nueva.',
      ],
      after: ['¿No has sido tú? Entonces no tienes que hacer nada. Nadie ha entrado en tu cuenta.'],
    },
    reset_password: {
      subject: 'Elige una contraseña nueva',
      paragraphs: ['Alguien ha pedido una contraseña nueva para tu cuenta en {app}.'],
      button: 'Elegir contraseña',
      after: ['¿No has sido tú? Entonces ignora este correo: tu contraseña sigue siendo la misma.'],
    },
    invitation: {
      subject: 'Tienes una invitación a {app}',
      paragraphs: ['{inviter} te invita a {app}.'],
      otherwise: ['Tienes una invitación a {app}.'],
      button: 'Aceptar invitación',
      after: ['¿No lo esperabas? Entonces ignora este correo.'],
      footer: 'Recibes este correo porque alguien ha invitado a esta dirección a {app}.',
    },
    invitation_taken: {
      subject: 'Ya tienes una cuenta',
      paragraphs: ['Alguien te ha invitado a {app}. Ya tienes una cuenta: solo tienes que iniciar sesión.'],
    },
    new_device: {
      subject: 'Nuevo inicio de sesión en tu cuenta',
      paragraphs: ['Alguien ha iniciado sesión en tu cuenta de {app} desde un dispositivo que no conocíamos.'],
      after: ['¿Has sido tú? Entonces todo está bien. Si no, cambia ya tu contraseña.'],
    },
    password_changed: {
      subject: 'Tu contraseña ha cambiado',
      paragraphs: ['La contraseña de tu cuenta en {app} ha cambiado.'],
      after: ['¿No has sido tú? Entonces pide ya una contraseña nueva.'],
    },
    email_changed: {
      subject: 'Tu dirección de correo ha cambiado',
      paragraphs: ['La dirección de tu cuenta en {app} es ahora {email}. Aquí ya no llegarán más correos sobre ella.'],
      after: ['¿No has sido tú? Entonces avisa ya a los responsables de {app}.'],
    },
    session_reused: {
      subject: 'Hemos cerrado una de tus sesiones',
      paragraphs: [
        'Una sesión de tu cuenta en {app} se ha usado en dos sitios. Puede que alguien la haya copiado, así que la hemos cerrado.',
        'Vuelve a iniciar sesión.',
      ],
      after: ['Si no conoces este dispositivo, cambia también tu contraseña.'],
    },
  },
}
